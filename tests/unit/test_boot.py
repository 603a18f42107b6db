"""The boot counter rises over every start, whatever the card has lost."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.drivers.boot import next_boot


def log_with(directory: Path, *counters: int) -> None:
    with closing(sqlite3.connect(directory / "events.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, boot_counter INTEGER NOT NULL)")
        connection.executemany("INSERT INTO events (boot_counter) VALUES (?)", [(counter,) for counter in counters])
        connection.commit()


def test_each_start_has_the_next_number_and_an_identity_of_its_own(tmp_path: Path) -> None:
    lives = [next_boot(tmp_path, "0123456789abcdef") for _ in range(3)]
    assert [boot.counter for boot, _ in lives] == [1, 2, 3]
    assert [problem for _, problem in lives] == [None, None, None]
    assert len({boot.id for boot, _ in lives}) == 3
    assert all(len(boot.id) == 16 and int(boot.id, 16) >= 0 for boot, _ in lives)
    assert {boot.kernel_boot for boot, _ in lives} == {"0123456789abcdef"}


def test_a_directory_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    assert next_boot(tmp_path / "a" / "b", "k")[1] is None
    assert next_boot(tmp_path / "a" / "b", "k")[0].counter == 2


def test_a_lost_file_is_made_good_from_the_event_log(tmp_path: Path) -> None:
    log_with(tmp_path, 3, 41, 7)
    assert next_boot(tmp_path, "k")[0].counter == 42
    assert next_boot(tmp_path, "k")[0].counter == 43


@pytest.mark.parametrize("content", [b"", b"\0\0\0\n", b"-4\n", b"12", b"0\n", b"4\n5\n", b"9" * 30 + b"\n", b"\xff\n"])
def test_a_damaged_file_is_made_good_from_the_event_log_and_told(tmp_path: Path, content: bytes) -> None:
    log_with(tmp_path, 41)
    (tmp_path / "boot").write_bytes(content)
    boot, problem = next_boot(tmp_path, "k")
    assert boot.counter == 42
    assert problem is not None
    assert "boot is damaged" in problem
    boot, problem = next_boot(tmp_path, "k")
    assert (boot.counter, problem) == (43, None)


def test_a_damaged_log_does_not_keep_the_gate_from_starting(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"not a database" * 1000)
    boot, problem = next_boot(tmp_path, "k")
    assert boot.counter == 1
    assert problem is not None
    assert "events.db does not tell" in problem


def test_an_empty_log_counts_from_one(tmp_path: Path) -> None:
    log_with(tmp_path)
    assert next_boot(tmp_path, "k")[0].counter == 1


def test_a_counter_that_can_not_be_kept_still_rises_above_the_last(tmp_path: Path) -> None:
    next_boot(tmp_path, "k")
    (tmp_path / ".boot.new").mkdir()  # stands in the way of writing, for root as well
    boot, problem = next_boot(tmp_path, "k")
    assert boot.counter == 2
    assert problem is not None
    assert "boot counter 2 can not be kept" in problem


def test_a_state_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    boot, problem = next_boot(tmp_path / "state", "k")
    assert boot.counter == 1
    assert problem is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_with_a_log_still_tells_the_counter(tmp_path: Path) -> None:
    log_with(tmp_path, 5)
    tmp_path.chmod(0o500)
    try:
        boot, problem = next_boot(tmp_path, "k")
    finally:
        tmp_path.chmod(0o700)
    assert boot.counter == 6
    assert problem is not None
