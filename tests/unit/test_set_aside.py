"""Damaged files beside the store: how many stay, how long, and what is never touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge import set_aside
from edge.drivers.store import SqliteOutbox

DAY_MS = 86_400_000
NOW_MS = 1_760_000_000_000


def written(file: Path, at_ms: int) -> Path:
    file.write_bytes(b"temperatures of students")
    os.utime(file, ns=(at_ms * 1_000_000, at_ms * 1_000_000))
    return file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.iterdir())


def test_a_damaged_file_is_as_old_as_what_was_last_written_to_any_part_of_it(path: Path) -> None:
    written(path.with_name("events.damaged.1"), NOW_MS - 20 * DAY_MS)
    written(path.with_name("events.damaged.2"), NOW_MS - 20 * DAY_MS)
    written(path.with_name("events.damaged.2-wal"), NOW_MS - 2 * DAY_MS)
    written(path.with_name("events.damaged.3-wal"), NOW_MS - 20 * DAY_MS)
    written(path.with_name("events.damaged.4"), NOW_MS - 2 * DAY_MS)
    written(path.with_name("events.damaged.4-wal"), NOW_MS - 20 * DAY_MS)
    assert set_aside.older(path, NOW_MS - 14 * DAY_MS) == [1, 3]


def test_the_outbox_forgets_old_damaged_files_one_at_a_time_and_whole(path: Path) -> None:
    outbox = SqliteOutbox(path, 1_000)
    before_ms = NOW_MS - 14 * DAY_MS
    for number, days in ((1, 30), (2, 20), (3, 1)):
        for suffix in ("", "-wal", "-shm"):
            written(path.with_name(f"events.damaged.{number}{suffix}"), NOW_MS - days * DAY_MS)
    written(path.with_name("events.damaged.notes"), 0)

    assert outbox.count_damaged(before_ms) == 2
    assert [outbox.forget_damaged(before_ms) for _ in range(3)] == [1, 1, 0]
    assert outbox.count_damaged(before_ms) == 0

    outbox.close()
    kept = ["events.damaged.3", "events.damaged.3-shm", "events.damaged.3-wal", "events.damaged.notes"]
    assert names(path) == [*kept, "events.db", "events.reserve"]


def test_a_damaged_file_that_cannot_be_deleted_is_counted_and_does_not_keep_the_next_one(path: Path) -> None:
    outbox = SqliteOutbox(path, 1_000)
    path.with_name("events.damaged.1").mkdir()
    os.utime(path.with_name("events.damaged.1"), (0, 0))
    written(path.with_name("events.damaged.2"), 0)
    assert [outbox.forget_damaged(NOW_MS) for _ in range(2)] == [1, 0]
    assert outbox.count_damaged(NOW_MS) == 1
    outbox.close()


def test_a_file_that_is_moved_aside_takes_a_number_that_no_part_of_another_has(path: Path) -> None:
    other = written(path.with_name("events.damaged.1-wal"), NOW_MS)
    written(path, NOW_MS)
    assert set_aside.move(path).endswith("events.damaged.2")
    assert other.exists()
    assert set_aside.move(path) == ""
