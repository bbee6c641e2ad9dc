"""The command line: one module per noun; rooms add groups through the entry point glidein.commands."""


def main() -> None:
    """Run the command line."""
