"""``python -m edge`` is ``gatepost``."""

from edge.cli import main

raise SystemExit(main())
