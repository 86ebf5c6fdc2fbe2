"""`python -m medsegdiff`: the same as the program `medsegdiff`."""

from medsegdiff.cli.main import main

if __name__ == "__main__":
    main()
