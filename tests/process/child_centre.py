"""The reference centre as a program that writes down its threads' numbers for each line on its standard input."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from centre.cli import main
from tests.process.threads import write_numbers


def obey(directory: Path) -> None:
    for _ in sys.stdin:
        write_numbers(directory)


threading.Thread(target=obey, args=(Path(sys.argv.pop(1)),), daemon=True).start()
main()
