"""What is said of the card's wear."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.drivers.wear import RATE_AFTER_MS, written

HOUR_MS = 3_600_000


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    file = tmp_path / "io"
    file.write_text("rchar: 1\nwchar: 999999\nread_bytes: 5\nwrite_bytes: 3000000\ncancelled_write_bytes: 0\n")
    return file


def test_a_day_is_told_from_what_was_written_so_far(accounts: Path) -> None:
    assert written(6 * HOUR_MS, accounts) == {"written_bytes": 3_000_000, "written_bytes_a_day": 12_000_000}


def test_no_day_is_told_from_the_first_hour(accounts: Path) -> None:
    assert written(RATE_AFTER_MS - 1, accounts) == {"written_bytes": 3_000_000, "written_bytes_a_day": None}


@pytest.mark.parametrize("text", ["", "write_bytes: many\n", "nonsense"])
def test_a_kernel_that_keeps_no_accounts_is_no_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "io").write_text(text)
    nothing = {"written_bytes": None, "written_bytes_a_day": None}
    assert written(HOUR_MS, tmp_path / "io") == nothing
    assert written(HOUR_MS, tmp_path / "nowhere") == nothing


def test_what_this_process_writes_is_counted(tmp_path: Path) -> None:
    before = written(0)["written_bytes"]
    if before is None:
        pytest.skip("this kernel keeps no accounts of writes (/proc/self/io)")
    with (tmp_path / "ballast").open("wb") as file:
        file.write(bytes(1_000_000))
        file.flush()
        os.fsync(file.fileno())
    after = written(0)["written_bytes"]
    assert after is not None
    assert after >= before
