"""How one version's Python environment is made. Knows nothing else of gatepost: the installer uses it on a bare Pi."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

CONSTRAINTS = "constraints.txt"
"""In the environment: what Debian's own packages were built against, and must stay."""

Run = Callable[..., None]
"""Runs a command of words to its end; raises where it fails."""


def make(run: Run, python: str, place: str, what: Sequence[str], constraints: str, root: Path = Path("/")) -> None:
    """Make the environment ``place`` with ``what`` in pip's words; Debian's are used where new enough.

    It is tried before this returns. ``root``: where ``place`` lies for this process. Raises as ``run`` does, OSError.
    """
    run(python, "-m", "venv", "--clear", "--system-site-packages", place)
    file = root / place.lstrip("/") / CONSTRAINTS
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(constraints, encoding="utf-8")
    run(
        f"{place}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
        "--constraint", f"{place}/{CONSTRAINTS}", *what,
    )  # fmt: skip
    # Beforehand, for the daemon may not write there; and its first start shall not wait for it.
    run(f"{place}/bin/python", "-m", "compileall", "-q", "-j0", f"{place}/lib")
    run(f"{place}/bin/gatepost", "--version")
