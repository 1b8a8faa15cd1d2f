"""Let `python -m journeys.cli` do what the `journeys` command does."""

from journeys.cli import main

raise SystemExit(main())
