"""Files of these tests are in memory where the machine has room for that: a simulated card syncs thousands of times."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
ROOM_BYTES = 256 * 1024 * 1024


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory, or where pytest has it."""
    try:
        found = os.statvfs(MEMORY)
        roomy = os.access(MEMORY, os.W_OK) and found.f_bavail * found.f_frsize > ROOM_BYTES
    except OSError:
        roomy = False
    if not roomy:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="gp-", dir=MEMORY) as name:
        yield Path(name)
