"""Entry of ``scripts/demo``."""

from __future__ import annotations

import argparse
import sys

WHAT = "The alarm chain on this machine: a broker, the centre, and a gate with its kiosk on simulated pins."


def main() -> int:
    """Show it; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=WHAT)
    parser.add_argument("--once", action="store_true", help="one press, one outage and two students, then end")
    parser.add_argument("--every-s", type=float, default=3.0, metavar="S", help="a student comes every S seconds (3)")
    parser.add_argument("--winter", action="store_true", help="a morning at 8 degrees: too cold to screen anybody")
    parser.add_argument("--vm", action="store_true", help="the gate in the virtual machine that scripts/vm build made")
    options = parser.parse_args()
    if not 0.7 <= options.every_s <= 60:
        parser.error(f"--every-s {options.every_s:g}: allowed are 0.7 to 60 seconds")
    if options.vm:
        from demonstration import virtual_gate

        return virtual_gate.run()
    if options.once:
        from demonstration import once

        return once.run()
    from demonstration import live

    return live.run(options.every_s, options.winter)


sys.exit(main())
