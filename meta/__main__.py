"""`python -m meta`."""

from meta.cli.entry import main

if __name__ == "__main__":
    main()
