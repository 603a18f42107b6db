"""Judges what pip-audit found: ``python -m supply.audit REPORT.json``. pip-audit calls it a success when it found no
list of advisories at all; here that is said.

Exit code 0: nothing known, or nothing could be asked, which is then said; 1: something is known to be unsafe.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OURS = "gatepost"
"""On no index, so never audited by one."""


def verdict(report: Mapping[str, Any] | None) -> tuple[int, list[str]]:
    """Exit code and lines, from pip-audit's JSON; None where it could not say anything."""
    packages = [one for one in (report or {}).get("dependencies", []) if one["name"] != OURS]
    unsafe = [one for one in packages if one.get("vulns")]
    asked = [one["name"] for one in packages if "skip_reason" not in one]
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    lines = [
        f"UNSAFE: {one['name']} {one['version']}: {', '.join(found['id'] for found in one['vulns'])}; mended in"
        f" {', '.join(_mended(one)) or 'nothing yet'}"
        for one in unsafe
    ]
    if not asked:
        lines.append("NOT AUDITED: no index of advisories could be reached; nothing is known of any package")
    else:
        lines.append(f"audited: {len(asked)} packages, {len(unsafe)} of them unsafe")
        if skipped:
            lines.append(f"NOT AUDITED: the index does not know {', '.join(skipped)}")
    return 1 if unsafe else 0, lines


def _mended(package: Mapping[str, Any]) -> list[str]:
    return sorted({version for found in package["vulns"] for version in found["fix_versions"]})


def main(file: str) -> int:
    """Print the verdict on this report."""
    try:
        report = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        report = None
    code, lines = verdict(report)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
