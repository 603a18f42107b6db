"""The booted machine, and a gate in it: each test begins from the same snapshot of a machine that just came up."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.gate import VirtualGate
from tests.process.brokers import Authority
from virtual.machine import Machine
from virtual.places import IMAGE, MINUTES, alone, cache, why_no_image

SNAPSHOT = "booted"
BEGAN_S = time.monotonic()


def pytest_runtest_setup() -> None:
    """Where the time is bounded, begin no test after it."""
    minutes = float(os.environ.get(MINUTES, "inf"))
    if time.monotonic() - BEGAN_S > minutes * 60:
        pytest.skip(f"not begun: the {minutes:g} minutes for machine tests are over")


@pytest.fixture(scope="session")
def booted() -> Path:
    """A disk with the snapshot of a booted machine in it, made once for each image."""
    reason = why_no_image()
    if reason is not None:
        pytest.skip(reason)
    with alone():
        return _booted()


def _booted() -> Path:
    disk = cache() / "booted" / "root.qcow2"
    made_from = cache() / "booted" / "made-from"
    image = str((cache() / IMAGE).stat().st_mtime_ns)
    if not made_from.exists() or made_from.read_text() != image:
        shutil.rmtree(disk.parent, ignore_errors=True)
        began_s = time.monotonic()
        with Machine(disk.parent) as machine:
            machine.power_on()
            shell_s = time.monotonic() - began_s
            machine.attempt("systemctl is-system-running --wait", 240)
            machine.save(SNAPSHOT)
        print(f"booted: shell after {shell_s:.1f} s, all after {time.monotonic() - began_s:.1f} s")  # noqa: T201
        made_from.write_text(image)
    return disk


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty directory for one test's machine, with room for its disk; gone afterwards."""
    directory = cache() / "tests" / re.sub(r"\W+", "-", request.node.name)[:60]
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def machine(booted: Path, place: Path) -> Iterator[Machine]:
    """A machine that just came up, with a disk of its own."""
    shutil.copyfile(booted, place / "root.qcow2")
    with Machine(place) as running:
        running.power_on(SNAPSHOT)
        yield running


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of broker and gate."""
    return Authority(tmp_path_factory.mktemp("county"))


@pytest.fixture
def gate(machine: Machine, county: Authority, tmp_path: Path) -> Iterator[VirtualGate]:
    """A gate with broker and centre on the host, not yet started."""
    with VirtualGate(machine, county, tmp_path) as standing:
        yield standing
