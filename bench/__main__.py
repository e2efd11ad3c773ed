"""`python -m bench` says what can be run; `python -m bench all` runs it, `--quick` with small numbers."""

import sys

from bench import common, growth, ledger, machine, pictures, provider, sqlite

FILES = (ledger, growth, sqlite, pictures, machine, provider)


def main() -> None:
    """Print the list, or run every file of it one after the other."""
    if "all" in sys.argv[1:]:
        for file in FILES:
            common.command(file.main, file.__doc__)
        return
    print(
        "Run one of these, or `python -m bench all`; add --quick to be done in seconds, --patient on a busy machine.\n"
    )
    for file in FILES:
        print(f"  python -m {file.__name__:14}  {(file.__doc__ or '').splitlines()[0]}")


if __name__ == "__main__":
    main()
