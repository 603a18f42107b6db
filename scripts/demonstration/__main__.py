"""Entry of ``scripts/demo``."""

from __future__ import annotations

import argparse
import sys

parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
parser.description = "The alarm chain on this machine: a broker, the centre and a gate on simulated pins."
parser.add_argument("--once", action="store_true", help="one press and one outage by themselves, then end")
if parser.parse_args().once:
    from demonstration.once import run
else:
    from demonstration.live import run
sys.exit(run())
