"""`python -m remblai` is the command line."""

from remblai.cli.main import main

if __name__ == "__main__":
    main()
