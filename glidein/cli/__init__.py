"""The command line: one module per noun; rooms add groups through glidein.commands."""


def main() -> None:
    """Run the command line."""
