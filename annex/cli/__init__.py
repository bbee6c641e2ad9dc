"""The commands that this room adds to the command line."""
