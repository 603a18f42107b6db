"""``python -m centre`` is ``gatepost-centre``."""

from centre.cli import main

main()
