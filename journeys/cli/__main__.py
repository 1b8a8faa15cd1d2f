"""Let `python -m journeys.cli` do what the `journeys` command does."""

from journeys.cli.parser import main

raise SystemExit(main())
