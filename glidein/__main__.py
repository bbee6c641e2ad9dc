"""`python -m glidein` is the command `glidein`."""

from glidein.cli import main

if __name__ == "__main__":
    main()
