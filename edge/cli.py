"""The command ``gatepost``: starts what was asked for, and turns every failure into one clear line and an exit code.

``run`` is told from the rest before anything else is loaded: the daemon is to stay small, and has a button to arm.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import GatepostError, SettingsError

TRACEBACK_VARIABLE = "GATEPOST_TRACEBACK"
"""Set in the environment, it shows where an unforeseen failure came from."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Usage errors exit with 2 by themselves."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["run"] and "--help" not in given:
            return _run(given[1:])
        from edge.commands import application

        application(given, prog_name="gatepost")
    except SettingsError as error:
        return _fail(error.mistakes, error.exit_code)
    except GatepostError as error:
        return _fail([f"gatepost: {line}" for line in str(error).splitlines()], error.exit_code)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if given[:1] == ["run"] or os.environ.get(TRACEBACK_VARIABLE):
            raise  # the journal is the place for it
        advice = f"please report this with what {TRACEBACK_VARIABLE}=1 shows"
        return _fail([f"gatepost: unforeseen {type(error).__name__}: {error}; {advice}"], 1)
    return 0


def _run(given: Sequence[str]) -> int:
    import argparse

    parser = argparse.ArgumentParser(prog="gatepost run", allow_abbrev=False)
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="the settings file")
    options = parser.parse_args(given)

    from edge import daemon

    return daemon.run(options.config)


def _fail(lines: Sequence[str], exit_code: int) -> int:
    sys.stdout.flush()
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return exit_code
