"""Entry of ``scripts/validate-thermometer``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from validation import people, report

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(directory: str) -> int:
    """Write the report; 0 if every promise that can be judged is kept."""
    where = Path(directory)
    groups = {}
    for camera in people.CAMERAS:
        first = people.read(where, camera, 1)
        if first is None:
            print(f"validate-thermometer: {where / camera}_group1.csv: {people.WHERE}", file=sys.stderr)
            return 2
        groups[camera] = (first, people.read(where, camera, 2))
    done = report.written(groups, DOCS)
    file = DOCS / "thermometer-validation.md"
    file.write_text("\n".join(done.lines).rstrip() + "\n", encoding="utf-8")
    print(f"written: {file.relative_to(DOCS.parent)}")
    for missed in done.missed:
        print(f"NOT REACHED  {missed}")
    return 1 if done.missed else 0


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GATEPOST_FACE_DATA", "")
    if not given:
        sys.exit(f"validate-thermometer: {people.WHERE}")
    sys.exit(main(given))
