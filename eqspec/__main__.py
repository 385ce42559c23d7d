"""`python -m eqspec` is the command `eqspec`."""

from eqspec.cli import main

if __name__ == "__main__":
    main(prog_name="eqspec")
