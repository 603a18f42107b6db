"""What every supervisor promises: systemd over a real datagram socket, and nobody in the foreground.

The simulator has none: what the watchdog is fed for is asked of ``edge.health`` and of the real daemon.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.drivers.systemd import ForegroundSupervisor, supervisor
from edge.ports import Supervisor
from tests.process.programs import Supervision
from tests.process.waiting import until


class Subject(NamedTuple):
    """A supervisor, what it was told in order, and the last status that it heard."""

    told: Supervisor
    words: Callable[[], list[str]]
    status: Callable[[], str]


@pytest.fixture(params=["systemd", "foreground"])
def subject(request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Subject]:
    if request.param == "systemd":
        systemd = Supervision(tmp_path / "notify")
        yield Subject(
            supervisor({"NOTIFY_SOCKET": str(systemd.path)}),
            lambda: [said.partition("=")[0].lower() for _, said in list(systemd.said) if not said.startswith("WATCH")],
            lambda: systemd.values("STATUS")[-1],
        )
        systemd.close()
    else:
        caplog.set_level(logging.INFO)
        foreground = supervisor({})
        assert isinstance(foreground, ForegroundSupervisor)
        yield Subject(
            foreground,
            lambda: [record.getMessage().partition(":")[0] for record in caplog.records] + ["status"] * foreground.fed,
            lambda: foreground.status,
        )


def test_ready_and_stopping_are_told_once_each_and_a_status_each_time(subject: Subject) -> None:
    subject.told.ready()
    for count in range(3):
        subject.told.feed(f"lamp ready; owed {count}")
    subject.told.stopping()
    words = until(subject.words, lambda words: len(words) >= 5)
    assert sorted(words) == ["ready", "status", "status", "status", "stopping"]
    assert words.index("ready") < words.index("stopping")
    assert subject.status() == "lamp ready; owed 2"


@pytest.mark.parametrize("status", ["", "two\nlines", "\ud800", "\0", "警报", "x" * 100_000], ids=ascii)
def test_no_status_is_too_strange_to_be_fed(subject: Subject, status: str) -> None:
    subject.told.feed(status)
    subject.told.feed("ordinary")
    until(subject.words, lambda words: words.count("status") == 2)
    assert subject.status() == "ordinary"
    assert subject.words() == ["status"] * 2, "and it is no other word"
