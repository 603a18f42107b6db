"""``gatepost queue``, ``tail`` and ``events``: what the log holds is found, in words, while the daemon writes it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge import chain, event_words, moments
from edge.chain import Kind, Link, LinkResult, Report, Result, Stimulus, Verdict
from edge.cli import main
from edge.drivers.store import SqliteOutbox
from edge.events import (
    ClockQuality,
    Code,
    EventId,
    Lane,
    Origin,
    Qualifier,
    Record,
    StoreTrouble,
    Topic,
    Trouble,
    WallStamp,
)
from tests.process.waiting import hear_interrupts, until
from tests.unit.small_gate import ShortDirectory, SmallGate

ROOT = Path(__file__).parents[2]
BOOT = "00000000000000aa"
HOUR_MS = 3_600_000
NOW_MS = time.time_ns() // 1_000_000

SETTINGS = """
[gate]
county = "county"
school = "school"
gate = "main"
state_directory = "{state}"
runtime_directory = "{run}"
[pins]
factory = "mock"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "localhost"
tls = false
"""


def event(
    counter: int,
    topic: Topic = Topic.LOG,
    code: Code = Code.RESTART,
    *,
    ago_ms: int = 0,
    origin: Origin = Origin.PERSON,
    quality: ClockQuality = ClockQuality.SYNCED,
    boot: str = BOOT,
    **body: str | int | float | bool | None,
) -> Record:
    lanes = {Topic.ALARM: Lane.ALARM, Topic.TEMPERATURE: Lane.ROUTINE, Topic.PICTURE: Lane.ROUTINE}
    bound_ms = None if quality is ClockQuality.UNSYNCED else 20
    return Record(
        EventId(boot, counter), 3, "kernel-1", counter, WallStamp(NOW_MS - ago_ms, quality, bound_ms), origin,
        lanes.get(topic, Lane.TROUBLE), topic, code, Qualifier.NEW, None, body,
    )  # fmt: skip


class Log:
    """A gate's log on the card, open as the daemon has it, and the settings that name it."""

    def __init__(self, directory: Path, run: Path) -> None:
        self.path = directory / "events.db"
        self.outbox = SqliteOutbox(self.path, 100_000)
        self.settings = directory / "gatepost.toml"
        self.settings.write_text(SETTINGS.format(state=directory, run=run))

    def add(self, *events: Record, done: bool = False) -> None:
        self.outbox.append(events, None)
        if done:
            self.outbox.mark_done([one.id for one in events])


@pytest.fixture
def run_directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def log(tmp_path: Path, run_directory: Path) -> Iterator[Log]:
    log = Log(tmp_path, run_directory)
    yield log
    log.outbox.close()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gatepost(log: Log, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command against the log; its exit code, what it said, what it complained of."""

    def run(*given: object) -> tuple[int, str, str]:
        try:
            code = main([*map(str, given), "--config", str(log.settings)])
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def objects(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


# --- queue ----------------------------------------------------------------------------------------------------------


def test_nothing_owed_exits_0_and_says_so(log: Log, gatepost: Run) -> None:
    log.add(event(1, Topic.ALARM, Code.SILENT_PANIC), done=True)
    code, said, _ = gatepost("queue", "--language", "en")
    assert (code, said) == (0, "Nothing is owed.\n")


def test_what_is_owed_is_told_by_kind_with_the_oldest_alarms_first(log: Log, gatepost: Run) -> None:
    log.add(event(1, ago_ms=9 * HOUR_MS), event(2, ago_ms=2 * HOUR_MS), event(3, Topic.TROUBLE, Code.LOOP_OPEN))
    log.add(event(4, Topic.ALARM, Code.SILENT_PANIC, ago_ms=3 * HOUR_MS))
    log.add(event(5, Topic.ALARM, Code.SILENT_PANIC, ago_ms=5 * HOUR_MS), done=True)
    code, said, _ = gatepost("queue", "--json")
    (told,) = objects(said)
    assert code == 1, "an alarm waits"
    assert [(one["topic"], one["code"], one["events"], one["oldest"]) for one in told["owed"]] == [
        ("alarm", 122, 1, f"{BOOT}-4"),
        ("log", 305, 2, f"{BOOT}-1"),
        ("trouble", 371, 1, f"{BOOT}-3"),
    ]
    assert 3 * 3600 <= told["owed"][0]["oldest_s"] < 3 * 3600 + 600
    _, said, _ = gatepost("queue", "--language", "en")
    assert re.search(r"(?m)^1 +122 ALARM \(silent\) .* 3 h \d min$", said)
    assert re.search(r"(?m)^2 +305 start of the daemon .* 9 h \d min$", said)


def test_routine_events_alone_do_not_exit_1(log: Log, gatepost: Run) -> None:
    log.add(event(1))
    assert gatepost("queue")[0] == 0


def test_an_age_that_no_clock_vouches_for_is_not_told(log: Log, gatepost: Run) -> None:
    log.add(event(1, quality=ClockQuality.UNSYNCED, ago_ms=50 * 365 * 24 * HOUR_MS))
    _, said, _ = gatepost("queue", "--language", "en")
    assert " d " not in said
    assert "?" in said


def test_where_the_card_takes_no_writes_the_daemons_memory_is_told(
    log: Log, run_directory: Path, gatepost: Run
) -> None:
    gate = SmallGate(run_directory)
    try:
        gate.post(StoreTrouble(Trouble.STORE_IN_MEMORY, True, "full", gate.clock.now_ms()))
        gate.edit = lambda view: {**view, "owed": {"alarm": 2, "trouble": 0, "routine": 0}}
        code, said, _ = gatepost("queue", "--language", "en")
        assert code == 1, "an alarm waits in memory"
        assert "'alarm': 2" in said
        gate.post(StoreTrouble(Trouble.STORE_IN_MEMORY, False, "", gate.clock.now_ms()))
        assert gatepost("queue")[0] == 0, "the card's own word counts"
    finally:
        gate.close()


# --- events ---------------------------------------------------------------------------------------------------------


def ids(said: str) -> list[int]:
    return [int(one["id"].partition("-")[2]) for one in objects(said)]


def test_events_are_found_by_moment_topic_code_and_id(log: Log, gatepost: Run) -> None:
    log.add(
        event(1, ago_ms=30 * HOUR_MS),
        event(2, Topic.ALARM, Code.SILENT_PANIC, ago_ms=3 * HOUR_MS),
        event(3, Topic.TROUBLE, Code.LOOP_OPEN, ago_ms=2 * HOUR_MS),
        event(4, Topic.TROUBLE, Code.LOOP_SHORT),
        event(4, boot="00000000000000bb"),
    )

    def found(*given: str) -> list[int]:
        return ids(gatepost("events", "--json", *given)[1])

    assert found() == [1, 2, 3, 4, 4]
    assert found("--since", "4h") == [2, 3, 4, 4]
    assert found("--since", "4h", "--until", "1h") == [2, 3]
    assert found("--until", "1d") == [1]
    assert found("--topic", "trouble") == [3, 4]
    assert found("--code", "371") == [3]
    assert found("--id", f"{BOOT}-4") == [4]
    assert found("--id", "00000000000000bb") == [4]
    assert found("--limit", "2") == [4, 4], "the newest, the oldest of them first"
    assert found("--topic", "alarm", "--code", "371") == []


def test_the_end_of_a_span_is_not_in_it_and_its_beginning_is(log: Log, gatepost: Run) -> None:
    log.add(event(1), event(2, ago_ms=-1000))
    moment = datetime.fromtimestamp(NOW_MS / 1000).astimezone()
    assert ids(gatepost("events", "--json", "--until", moment.isoformat(timespec="milliseconds"))[1]) == []
    assert ids(gatepost("events", "--json", "--since", moment.isoformat(timespec="milliseconds"))[1]) == [1, 2]


def test_finding_nothing_exits_1(log: Log, gatepost: Run) -> None:
    log.add(event(1))
    assert gatepost("events", "--code", "122")[0] == 1
    assert gatepost("events", "--code", "305")[0] == 0


def test_an_event_is_a_line_that_people_can_read(log: Log, gatepost: Run) -> None:
    log.add(event(1, Topic.TROUBLE, Code.LOOP_OPEN, trouble="loop_open", part="", detail="both open"))
    log.add(event(2, Topic.ALARM, Code.SILENT_PANIC, origin=Origin.SELF_TEST), done=True)
    log.add(event(3, quality=ClockQuality.UNSYNCED))
    first, second, third = gatepost("events", "--language", "en")[1].splitlines()
    when = moments.shown(NOW_MS)
    assert (
        first
        == f"{when}  trouble 371 button cable cut, new  trouble=loop_open detail=both open  [{BOOT}-1]  still owed"
    )
    assert second == f"{when}  alarm 122 TEST ALARM (silent), new  [{BOOT}-2]", "nobody takes it for real"
    assert third.startswith(f"{when}? log")
    assert "按钮线路断开" in gatepost("events", "--language", "zh")[1]


def test_temperatures_and_pictures_are_never_shown(log: Log, gatepost: Run) -> None:
    log.add(event(1, Topic.TEMPERATURE, Code.TEMPERATURE_SCREENED, skin_celsius=34.56))
    log.add(event(2, Topic.PICTURE, Code.ALARM_PICTURE, jpeg="c2VjcmV0"))
    for command in (("events",), ("events", "--json"), ("tail",), ("tail", "--json")):
        _, said, _ = gatepost(*command)
        assert "34.56" not in said
        assert "c2VjcmV0" not in said
        assert f"{BOOT}-2" in said


def test_of_a_tests_report_the_line_tells_what_did_not_pass(log: Log, gatepost: Run) -> None:
    links = (
        LinkResult(Link.KEY, Verdict.NOT_TESTED, "no loopback fitted"),
        LinkResult(Link.STORE, Verdict.PASS, measured=12.0),
        LinkResult(Link.LAMPS, Verdict.FAIL, "no current"),
    )
    report = Report(Kind.FULL, Result.FAIL, Stimulus.LOOPBACK, f"{BOOT}-1", links, 0, 1)
    log.add(event(2, Topic.SELF_TEST, Code.PERIODIC_TEST, **chain.body_of(report)))
    log.add(event(3, Topic.SELF_TEST, Code.PERIODIC_TEST, report=1, result="FAIL", kind="odd"))
    first, second = gatepost("events", "--language", "en")[1].splitlines()
    assert "full FAIL key=NOT_TESTED(no loopback fitted) lamps=FAIL(no current)  [" in first
    assert "result=FAIL" in second


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (("--since", "yesterday"), "is no moment"),
        (("--since", "25:00"), "is no moment"),
        (("--topic", "noise"), "selftest"),
        (("--id", "x-y"), "is no id"),
        (("--since", "999999d"), "is no moment"),
    ],
)
def test_a_wrong_question_says_what_is_allowed(given: tuple[str, str], part: str, gatepost: Run) -> None:
    code, said, complaint = gatepost("events", *given)
    assert (code, said) == (2, "")
    assert part in " ".join(complaint.replace("│", " ").split())


# --- tail -----------------------------------------------------------------------------------------------------------


def test_the_tail_is_the_newest_in_their_order(log: Log, gatepost: Run) -> None:
    log.add(*(event(number) for number in range(1, 31)))
    assert ids(gatepost("tail", "--json")[1]) == list(range(11, 31))
    assert ids(gatepost("tail", "--json", "-n", "2")[1]) == [29, 30]


def test_the_tail_follows_what_comes_and_ends_well(log: Log, tmp_path: Path) -> None:
    log.add(event(1))
    out = tmp_path / "said"
    with out.open("wb") as stream:
        tail = subprocess.Popen(
            [sys.executable, "-m", "edge", "tail", "--follow", "--json", "--config", str(log.settings)],
            stdout=stream, cwd=ROOT, preexec_fn=hear_interrupts,
        )  # fmt: skip
        try:
            until(lambda: ids(out.read_text()), lambda seen: seen == [1])
            log.add(event(2), event(3))
            until(lambda: ids(out.read_text()), lambda seen: seen == [1, 2, 3])
            tail.send_signal(2)
            assert tail.wait(timeout=30) == 0
        finally:
            tail.kill()
            tail.wait()


# --- the log itself -------------------------------------------------------------------------------------------------


def test_a_gate_that_never_ran_has_no_log_and_says_so(log: Log, gatepost: Run) -> None:
    log.outbox.close()
    for file in log.path.parent.glob("events.db*"):
        file.unlink()
    code, _, complaint = gatepost("queue")
    assert code == 8
    (line,) = complaint.splitlines()
    assert str(log.path) in line
    assert "start it" in line


def test_a_file_that_is_no_log_is_told_in_one_line(log: Log, gatepost: Run) -> None:
    log.outbox.close()
    log.path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    code, _, complaint = gatepost("events")
    assert code == 8
    assert len(complaint.splitlines()) == 1


def test_looking_leaves_the_log_as_it_is(log: Log, gatepost: Run) -> None:
    log.add(event(1, note="as it was"))
    with closing(sqlite3.connect(log.path)) as before:
        held = before.execute("SELECT * FROM events").fetchall()
        for command in ("queue", "tail", "events"):
            gatepost(command)
        assert before.execute("SELECT * FROM events").fetchall() == held


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_who_may_only_read_sees_a_log_that_no_daemon_has_open(log: Log) -> None:
    log.add(event(7))
    log.outbox.close()
    assert not list(log.path.parent.glob("events.db-*"))
    with ShortPlace() as place:
        for name in ("events.db", "gatepost.toml"):
            (place / name).write_bytes((log.path.parent / name).read_bytes())
            (place / name).chmod(0o644)
        text = (place / "gatepost.toml").read_text().replace(str(log.path.parent), str(place))
        (place / "gatepost.toml").write_text(text)
        place.chmod(0o555)
        before = os.listdir(place)
        looked = subprocess.run(
            [sys.executable, "-c", LOOK.format(file=str(place / "events.db"))],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert (looked.stdout, looked.stderr) == (f"{BOOT}-7\n", "")
        assert os.listdir(place) == before


LOOK = """
import os, pathlib
from edge.drivers.log_reader import LogReader, Wanted
os.setgid(65534)
os.setuid(65534)
print(*(one.row.record.id for one in LogReader(pathlib.Path({file!r})).find(Wanted())))
"""


class ShortPlace:
    """A directory that others may look into, unlike pytest's own."""

    def __enter__(self) -> Path:
        self._short = ShortDirectory()
        return self._short.path

    def __exit__(self, *_: object) -> None:
        self._short.path.chmod(0o755)
        self._short.close()


# --- words and moments ----------------------------------------------------------------------------------------------


def test_every_code_topic_qualifier_lane_and_origin_has_words() -> None:
    for kind, words in (
        (Code, event_words.CODES), (Topic, event_words.TOPICS), (Qualifier, event_words.QUALIFIERS),
        (Lane, event_words.LANES), (Origin, event_words.ORIGINS),
    ):  # fmt: skip
        assert set(words) == set(kind)
        assert all(bool(one.en) == bool(one.zh) for one in words.values())


NOON = datetime(2026, 11, 24, 12, 0, 0).astimezone()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20", datetime(2026, 11, 20)),
        ("2026-11-20 07:15", datetime(2026, 11, 20, 7, 15)),
        ("2026-11-20T07:15:30", datetime(2026, 11, 20, 7, 15, 30)),
        ("7:15", datetime(2026, 11, 24, 7, 15)),
        ("07:15:30", datetime(2026, 11, 24, 7, 15, 30)),
        ("90 s", datetime(2026, 11, 24, 11, 58, 30)),
        ("15min", datetime(2026, 11, 24, 11, 45)),
        ("2h", datetime(2026, 11, 24, 10)),
    ],
)
def test_a_moment_is_understood_as_people_write_it(text: str, moment: datetime) -> None:
    assert moments.wall_ms_of(text, NOON) == round(moment.timestamp() * 1000)


def test_days_ago_are_days_of_24_hours() -> None:
    assert moments.wall_ms_of("3d", NOON) == round((NOON - timedelta(days=3)).timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "now", "12", "3 weeks", "-2h", "2026-13-01", "1e3h", "24:61"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment"):
        moments.wall_ms_of(text, NOON)
