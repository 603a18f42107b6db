"""``python -m edge.camera`` is ``gatepost-camera``."""

from edge.camera.cli import main

raise SystemExit(main())
