"""Let `python -m journeys` do what the `journeys` command does."""

from journeys.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
