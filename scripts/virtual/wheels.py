"""The wheelhouse that the product is installed from: its own wheel, what it needs, what is built here."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from virtual import tree
from virtual.places import PROJECT, cache
from virtual.steps import run, step

FROM_SOURCE = ("lgpio==0.2.2.0", "pidng==4.0.9")
"""PyPI has these as wheels for a Pi's processor only, or not at all."""

PACKAGES = ("edge", "centre", "kiosk", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
GLIBC = (41, 36, 34, 28, 27, 17, 5)
"""Second figures of the glibc versions that wheels are named after and the guest's runs."""


def build_from_source() -> None:
    """Make ``built/`` in the cache. Does nothing where it is there."""
    built = cache() / "built"
    asked = built / "asked"
    wanted = "\n".join([tree.python_version(), *FROM_SOURCE])
    if asked.exists() and asked.read_text() == wanted:
        return
    tree.make_builder()
    with step("wheels that are built from source"):
        shutil.rmtree(built, ignore_errors=True)
        with tempfile.TemporaryDirectory() as sources:
            _pip("download", "--no-deps", "--no-binary=:all:", "-d", sources, *FROM_SOURCE)
            root = cache() / "builder"
            built.mkdir()
            with tree.mounted(Path(sources), root / "sources"), tree.mounted(built, root / "built"):
                # The guest's own compiler and Python, and nothing from the network. PYPI: lgpio then brings its C part.
                tree.inside(root, "sh", "-ec", "python3 -m venv --system-site-packages /venv; PYPI=1 exec /venv/bin/pip"
                            " wheel -q --no-index --no-deps --no-build-isolation -w /built /sources/*")  # fmt: skip
        shutil.rmtree(cache() / "builder")
    asked.write_text(wanted)


def gather() -> None:
    """Fill ``wheelhouse/`` in the cache for this checkout."""
    wheelhouse = cache() / "wheelhouse"
    asked = wheelhouse / "asked"
    wanted = "\n".join([tree.python_version(), *FROM_SOURCE, *tree.PICAMERA, (PROJECT / "setup.cfg").read_text()])
    with step("wheelhouse"):
        if not (asked.exists() and asked.read_text() == wanted):
            shutil.rmtree(wheelhouse, ignore_errors=True)
        wheelhouse.mkdir(exist_ok=True)
        for old in wheelhouse.glob("gatepost-*.whl"):
            old.unlink()
        own = _own_wheel(wheelhouse)
        if not asked.exists():
            platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in GLIBC]
            for names in ((f"{own}[camera,kiosk]", *FROM_SOURCE), ("--no-deps", *tree.PICAMERA)):
                _pip(
                    "download", "--only-binary=:all:", "--python-version", tree.python_version(),
                    "--implementation", "cp", *platforms, "--platform=manylinux2014_x86_64",
                    "--platform=linux_x86_64", "--find-links", cache() / "built", "-d", wheelhouse, *names,
                )  # fmt: skip
            asked.write_text(wanted)


def _own_wheel(wheelhouse: Path) -> Path:
    """Built from a copy: setuptools leaves its work in the source tree, and packs what an older work left there."""
    with tempfile.TemporaryDirectory() as name:
        for package in PACKAGES:
            run("cp", "-r", PROJECT / package, name)
        _pip("wheel", "--no-deps", "-w", wheelhouse, name)
    return next(wheelhouse.glob("gatepost-*.whl"))


def _pip(verb: str, *words: object) -> None:
    run(sys.executable, "-m", "pip", verb, "-q", "--disable-pip-version-check", *words)
