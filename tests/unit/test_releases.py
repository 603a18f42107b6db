"""Versions beside one another: whatever happens in the middle, ``current`` names one that works."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from edge.releases import COMPLETE, Releases


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path / "opt")


def installed(releases: Releases, version: str, content: str = "content") -> None:
    releases.place(version).mkdir(parents=True)
    releases.completed(version, content)


def test_the_first_version_becomes_the_current_one(releases: Releases) -> None:
    assert (releases.current(), releases.previous()) == (None, None)
    installed(releases, "1.0")
    releases.switch("1.0")
    assert (releases.current(), releases.previous()) == ("1.0", None)
    assert (releases.base / "current" / COMPLETE).exists()


def test_the_version_before_is_kept_to_go_back_to(releases: Releases) -> None:
    for version in ("1.0", "1.1"):
        installed(releases, version)
        releases.switch(version)
    assert (releases.current(), releases.previous()) == ("1.1", "1.0")
    releases.switch("1.0")
    assert (releases.current(), releases.previous()) == ("1.0", "1.1")


def test_a_switch_to_the_same_version_forgets_nothing(releases: Releases) -> None:
    for version in ("1.0", "1.1", "1.1"):
        if not releases.place(version).exists():
            installed(releases, version)
        releases.switch(version)
    assert releases.previous() == "1.0"


def test_half_an_installation_is_never_switched_to(releases: Releases) -> None:
    installed(releases, "1.0")
    releases.switch("1.0")
    releases.place("1.1").mkdir()
    with pytest.raises(FileNotFoundError, match=r"1\.1 is not a complete installation"):
        releases.switch("1.1")
    assert releases.current() == "1.0"


def test_half_an_installation_is_never_gone_back_to(releases: Releases) -> None:
    for version in ("1.0", "1.1"):
        installed(releases, version)
        releases.switch(version)
    (releases.place("1.1") / COMPLETE).unlink()
    installed(releases, "1.2")
    releases.switch("1.2")
    assert releases.previous() == "1.0"


def test_other_content_is_another_installation(releases: Releases) -> None:
    installed(releases, "1.0", "one")
    assert releases.is_complete("1.0")
    assert releases.is_complete("1.0", "one")
    assert not releases.is_complete("1.0", "two")


def test_all_but_the_current_and_the_previous_go(releases: Releases) -> None:
    for version in ("1.0", "1.1", "1.2"):
        installed(releases, version)
        releases.switch(version)
    (releases.base / ".sources").mkdir()
    assert releases.prune() == ["1.0"]
    assert not releases.place("1.0").exists()
    assert (releases.current(), releases.previous()) == ("1.2", "1.1")
    assert (releases.base / ".sources").exists(), "hidden: not a version"


def test_a_version_that_is_half_deleted_is_not_a_complete_one(releases: Releases) -> None:
    """Killed in the middle of deleting: it must never be switched to again."""
    for version in ("1.0", "1.1", "1.2"):
        installed(releases, version)
        (releases.place(version) / "a").write_text("first to go")
        (releases.place(version) / "z").write_text("last to go")
        releases.switch(version)
    pid = os.fork()
    if pid == 0:
        _die_at(3, ("os.remove",), releases.prune)
    os.waitpid(pid, 0)
    assert releases.place("1.0").exists(), "the child came to its end"
    assert not releases.is_complete("1.0")


@pytest.mark.parametrize("leftover", [".current.new", ".previous.new"])
def test_what_a_power_cut_left_is_in_nobodys_way(releases: Releases, leftover: str) -> None:
    installed(releases, "1.0")
    (releases.base / leftover).symlink_to("half")
    releases.switch("1.0")
    installed(releases, "1.1")
    releases.switch("1.1")
    assert (releases.current(), releases.previous()) == ("1.1", "1.0")


def test_a_power_cut_at_any_system_call_leaves_a_current_that_works(releases: Releases) -> None:
    """A child makes the same switch and is killed at its first, second, third ... change of the file system."""
    for version in ("1.0", "1.1"):
        installed(releases, version)
    reached = set()
    for cut in range(1, 12):
        Releases(releases.base).switch("1.0")
        pid = os.fork()
        if pid == 0:
            _die_at(cut, ("os.remove", "os.symlink", "os.rename", "open"), lambda: releases.switch("1.1"))
        _, status = os.waitpid(pid, 0)
        assert releases.current() in ("1.0", "1.1")
        assert releases.is_complete(str(releases.current()))
        reached.add((releases.current(), status))
    assert {current for current, _ in reached} == {"1.0", "1.1"}, "no cut fell before and after the switch"
    assert any(status == 0 for _, status in reached), "the last cuts come after the end"


def _die_at(cut: int, changes: tuple[str, ...], work: Callable[[], object]) -> NoReturn:
    """In a child. Ends itself when Python announces its ``cut``-th change."""
    seen = 0

    def count(event: str, _: object) -> None:
        nonlocal seen
        if event in changes:
            seen += 1
            if seen == cut:
                os._exit(9)

    sys.addaudithook(count)
    try:
        work()
    finally:
        os._exit(0)
