"""``python -m kiosk`` is ``gatepost-kiosk``."""

from kiosk.cli import main

raise SystemExit(main())
