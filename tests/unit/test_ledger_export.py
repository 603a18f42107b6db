"""A month on paper and in files: what belongs to it, what the files say, and that two verifiers agree about them."""

from __future__ import annotations

import csv
import io
import random
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.chain import Kind, Link, Result
from edge.diary import Lack, Week
from edge.events import ClockQuality, Code, Origin, Record, Topic, WallStamp
from edge.ledger import Entry, Head, content_of, entry_of, line_of, next_entry
from edge.ledger import text_of as content_text
from edge.ledger_check import Checker, Fault
from edge.ledger_export import COLUMNS, Exported, check, export
from edge.ledger_key import PUBLIC_FILE, GateKey, PublicKey, public_key_of
from edge.ledger_month import HELD_MAX, Basis, Dated, Dating, month_of, within
from edge.ledger_page import Cover, page
from edge.ledger_weeks import Weeks, body_of, week_of
from edge.local_time import HOUR_MS, day_of, text_of, wall_of, zone
from tests.unit.ledgers import NOVEMBER_MS, began, chained, event, key_in, ledger_of, report
from tests.unit.test_project import imports_of

SHANGHAI = zone("Asia/Shanghai")
NOVEMBER = month_of("2026-11", SHANGHAI)
GOLDEN = Path(__file__).parents[1] / "golden"
VERIFIER = Path(__file__).parents[2] / "scripts" / "verify-ledger"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def key(directory: Path) -> GateKey:
    return key_in(directory)


def at(counter: int, wall_ms: int, quality: ClockQuality = ClockQuality.SYNCED, **more: object) -> Record:
    return event(counter, wall=WallStamp(wall_ms, quality, None), at_ms=counter * 1000, **more)


def dated(entries: Sequence[Entry]) -> list[Dated]:
    dating = Dating()
    return [*(one for entry in entries for one in dating.take(entry)), *dating.rest()]


def numbers(entries: Sequence[Entry], month: str = "2026-11") -> list[int]:
    return [one.entry.number for one in within(month_of(month, SHANGHAI), dated(entries))]


# --- which entries a month is ---------------------------------------------------------------------------------------


def test_a_month_begins_and_ends_at_midnight_of_the_gates_zone() -> None:
    assert (NOVEMBER.begin_ms, NOVEMBER.end_ms) == (1_793_462_400_000, 1_796_054_400_000)
    assert month_of("2026-12", SHANGHAI).end_ms == month_of("2027-01", SHANGHAI).begin_ms
    for wrong in ("2026-13", "2026-1", "26-11", "2026-11-01", "", "２０２６-11"):
        with pytest.raises(ValueError, match="no month"):
            month_of(wrong, SHANGHAI)


def test_a_months_entries_are_those_dated_in_it(key: GateKey) -> None:
    begin, end = NOVEMBER.begin_ms, NOVEMBER.end_ms
    records = [at(1, begin - 1), at(2, begin), at(3, end - 1), at(4, end)]
    assert numbers(chained(key, [began(key), *records])) == [3, 4]
    assert numbers(chained(key, [began(key), *records]), "2026-10") == [1, 2]
    assert numbers(chained(key, [began(key), *records]), "2027-01") == []


def test_a_month_is_one_unbroken_piece_even_when_the_clock_jumped_within_it(key: GateKey) -> None:
    year_ms = 365 * 24 * HOUR_MS
    records = [at(n, NOVEMBER_MS + n + (year_ms if n == 2 else 0)) for n in (1, 2, 3)]
    assert numbers(chained(key, records)) == [1, 2, 3]


def test_a_month_ends_and_what_follows_is_taken_without_being_kept(key: GateKey) -> None:
    after = [at(n, NOVEMBER.end_ms + n) for n in range(2, HELD_MAX + 3)]
    entries = chained(None, [at(1, NOVEMBER_MS), *after, at(HELD_MAX + 9, NOVEMBER_MS)])
    taken: list[int] = []

    def all_of_them() -> Iterator[Dated]:
        for one in dated(entries):
            taken.append(one.entry.number)
            yield one

    assert [one.entry.number for one in within(NOVEMBER, all_of_them())] == [1]
    assert len(taken) == len(entries)


def test_an_event_of_an_unset_clock_is_dated_by_a_later_one_of_the_same_start(key: GateKey) -> None:
    records = [
        at(1, NOVEMBER.begin_ms - 5, kernel_boot="a"),
        at(2, 1_000, ClockQuality.UNSYNCED, kernel_boot="b"),
        at(4, NOVEMBER.begin_ms + 1_000, kernel_boot="b"),
    ]  # fmt: skip
    entries = chained(key, records)
    assert numbers(entries) == [3], "one second before the month began"
    moment = dated(entries)[1].moment
    assert moment is not None
    assert (moment.wall_ms, moment.basis) == (NOVEMBER.begin_ms - 1_000, Basis.WORKED_OUT)


def test_an_event_that_nobody_can_date_goes_with_the_one_after_it_and_the_newest_with_the_last(key: GateKey) -> None:
    def lost(n: int) -> Record:
        return at(n, 5, ClockQuality.UNSYNCED, kernel_boot=f"lost {n}")

    entries = chained(key, [at(1, NOVEMBER.begin_ms - 1), lost(2), at(3, NOVEMBER_MS), lost(4)])
    assert numbers(entries) == [2, 3, 4]
    assert numbers([*entries, *chained(key, [at(5, NOVEMBER.end_ms)], entries[-1].head)]) == [2, 3]


def test_a_gate_whose_clock_was_never_set_still_has_months_by_what_it_said(key: GateKey) -> None:
    entries = chained(key, [began(key), *(at(n, NOVEMBER_MS + n, ClockQuality.UNSYNCED) for n in (1, 2))])
    assert numbers(entries) == [1, 2, 3]
    assert numbers(entries, "2026-10") == []


# --- weeks ----------------------------------------------------------------------------------------------------------


def weeks_of(*contents: Record) -> list[tuple[str, bool | None, bool]]:
    weeks = Weeks()
    for one in dated(chained(None, contents)):
        weeks.learn(one)
    return [
        (text_of(one.monday), None if one.week is None else one.week.compliant, one.by_gate)
        for one in weeks.judged(NOVEMBER, SHANGHAI)
    ]


def moment(day: str, hour: int) -> WallStamp:
    return WallStamp(wall_of(SHANGHAI, day_of(day), hour * 60), ClockQuality.SYNCED, 20)


def test_a_judged_week_comes_back_from_the_body_of_its_event() -> None:
    week = Week(day_of("2026-11-09"), (Lack.TOO_FEW, Lack.GAP), 1, 4, 90 * HOUR_MS, HOUR_MS)
    assert week_of(body_of(week)) == week
    assert week_of({"by": "Li Wei"}) is None
    assert week_of({**body_of(week), "lacks": "joy"}) is None


def test_a_week_of_which_the_gate_wrote_nothing_is_judged_by_the_tests_in_the_ledger() -> None:
    def passed(day: str, hour: int = 10) -> Record:
        return replace(report(1), wall=moment(day, hour))

    begin, end = event(1, wall=moment("2026-10-26", 0)), event(1, wall=moment("2026-11-18", 9))
    tests = [passed(day) for day in ("2026-10-27", "2026-10-30", "2026-11-02", "2026-11-05", "2026-11-08")]
    assert weeks_of(begin, *tests, end) == [
        ("2026-10-26", True, False), ("2026-11-02", True, False), ("2026-11-09", False, False),
        ("2026-11-16", None, False),
    ]  # fmt: skip


def test_what_the_gate_wrote_about_a_week_stands_whatever_its_tests_look_like() -> None:
    short = Week(day_of("2026-11-02"), (Lack.TOO_FEW,), 1, 2, 0, 0)
    repaired = Week(day_of("2026-11-02"), (), 2, 2, 0, 0)
    begin, end = event(1, wall=moment("2026-10-31", 0)), event(1, wall=moment("2026-11-10", 9))
    said = [event(2, wall=moment("2026-11-09", 0), body=body_of(week)) for week in (short, repaired)]
    assert weeks_of(begin, *said, end) == [
        ("2026-10-26", None, False), ("2026-11-02", False, True), ("2026-11-09", None, False),
    ]  # fmt: skip


def test_entries_that_wait_for_a_clock_are_told_in_order_and_not_without_end(key: GateKey) -> None:
    unset = [at(n, 5, ClockQuality.UNSYNCED, kernel_boot="b") for n in range(1, HELD_MAX + 3)]
    entries = chained(None, [*unset, at(HELD_MAX + 9, NOVEMBER_MS, kernel_boot="b")])
    found = dated(entries)
    assert [one.entry for one in found] == entries
    bases = [one.moment.basis for one in found if one.moment is not None]
    assert bases[:2] == [Basis.UNSET_CLOCK] * 2, "they could not be held any longer"
    assert bases[2:] == [Basis.WORKED_OUT] * HELD_MAX + [Basis.CLOCK]


# --- the files ------------------------------------------------------------------------------------------------------


def exported(
    entries: Sequence[Entry], key: GateKey, place: Path, month: str = "2026-11", head: Head | None = None
) -> Exported:
    keys = [PublicKey(key.public_key)]
    return export(iter(entries), keys, month_of(month, SHANGHAI), SHANGHAI, place / "month", head)


def rows_of(table: str) -> list[dict[str, str]]:
    text = Path(table).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_lines_are_the_ledgers_own_bytes(key: GateKey, tmp_path: Path) -> None:
    entries = ledger_of(key)
    said = exported(entries, key, tmp_path, head=entries[-1].head)
    assert Path(said.lines_file).read_bytes() == b"".join(line_of(entry) + b"\n" for entry in entries)
    assert said.outcome.result is Result.PASS
    assert (said.summary.entries, said.summary.first, said.summary.last) == (20, entries[0].head, entries[-1].head)


def test_the_table_has_a_row_for_each_entry_with_its_local_time_and_a_tests_links(key: GateKey, tmp_path: Path) -> None:
    entries = chained(key, [began(key), event(1, Topic.ALARM), report(2, Result.FAIL)])
    note, alarm, test = rows_of(exported(entries, key, tmp_path).table_file)
    assert tuple(note) == COLUMNS
    assert (note["topic"], note["local_time"]) == ("note", "")
    assert (alarm["local_time"], alarm["topic"], alarm["operator"]) == ("2026-11-01 11:26", "alarm", "李伟")
    assert (test["test_kind"], test["test_result"], test["operator"]) == ("full", "FAIL", "li-wei")
    assert "6 PASS 4.5 of 200 ms" in test["test_links"]
    assert "9 FAIL 40 of 5000 ms (no answer)" in test["test_links"]
    assert [row["hash"] for row in (note, alarm, test)] == [entry.hash for entry in entries]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1"])
def test_a_name_that_a_table_program_would_work_out_stays_a_name(key: GateKey, tmp_path: Path, name: str) -> None:
    entries = chained(key, [event(1, body={"by": name})])
    (row,) = rows_of(exported(entries, key, tmp_path).table_file)
    assert row["operator"] == f"'{name}"


def test_a_months_page_names_what_stands_before_it(key: GateKey, tmp_path: Path) -> None:
    entries = chained(key, [began(key), at(1, NOVEMBER.begin_ms - 1), at(2, NOVEMBER_MS)])
    assert exported(entries, key, tmp_path).summary.before == entries[1].head


def test_a_fault_anywhere_in_the_ledger_is_told_with_any_month_of_it(key: GateKey, tmp_path: Path) -> None:
    entries = ledger_of(key)
    del entries[5]
    assert [one.fault for one in exported(entries, key, tmp_path, "2027-05").outcome.findings] == [Fault.DELETED]


# --- the page -------------------------------------------------------------------------------------------------------


class Words(HTMLParser):
    """The page's words, and whatever would be fetched from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "data")]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def page_of(entries: Sequence[Entry], key: GateKey, place: Path) -> Words:
    said = exported(entries, key, place)
    cover = Cover("county/school/<gate>", key.public_key, "1234 5678", "Asia/Shanghai", "2026-12-01 08:00", "0.1")
    return Words(page(cover, NOVEMBER, SHANGHAI, said))


def test_the_page_says_gate_verdict_tests_alarms_and_weeks_in_both_languages(key: GateKey, tmp_path: Path) -> None:
    alarm = event(1, Topic.ALARM, code=Code.SILENT_PANIC, origin=Origin.PERSON)
    short = Week(day_of("2026-11-09"), (Lack.TOO_FEW, Lack.GAP), 1, 2, 0, 0)
    good = Week(day_of("2026-11-02"), (), 2, 2, 0, 0)
    entries = chained(
        key,
        [
            began(key), alarm, report(2), report(3, Result.FAIL, Kind.HUMAN),
            event(24 * 8, body=body_of(good)), event(24 * 15, body=body_of(short)), event(24 * 16),
        ],
    )  # fmt: skip
    words = page_of(entries, key, tmp_path)
    text = " ".join(words.said)
    for said in (
        "county/school/<gate>", "2026-11-01 11:26", "whole chain", "全链", "FAIL", "失败", "compliant", "达标",
        "NOT COMPLIANT", "不达标", "fewer than two passes", "超过 84 小时没有通过", "not a whole week",
        "li-wei", "王芳", "9 FAIL 40 of 5000 ms (no answer)", "1234 5678", str(alarm.id), "部分通过",
    ):  # fmt: skip
        assert said in text, said
    assert words.tags.count("circle") == 1
    assert "path" in words.tags


def test_the_page_fetches_nothing_and_runs_nothing(key: GateKey, tmp_path: Path) -> None:
    words = page_of(ledger_of(key), key, tmp_path)
    assert words.fetched == []
    assert not {"script", "link", "img", "iframe"} & set(words.tags)


def test_what_people_typed_is_text_on_the_page_and_no_markup(key: GateKey, tmp_path: Path) -> None:
    record = report(2)
    record = event(2, Topic.SELF_TEST, body={**record.body, "operator": "<script>alert(1)</script>"})
    words = page_of(chained(key, [record]), key, tmp_path)
    assert "script" not in words.tags
    assert "<script>alert(1)</script>" in " ".join(words.said)


def test_a_month_without_an_alarm_says_so(key: GateKey, tmp_path: Path) -> None:
    assert "本月没有报警。" in " ".join(page_of(chained(key, [event(1)]), key, tmp_path).said)


# --- two verifiers --------------------------------------------------------------------------------------------------

Second = Callable[[bytes, Head | None, Head | None], str]


@pytest.fixture(scope="module")
def second(directory: Path, key: GateKey) -> Second:
    """The stand-alone verifier's verdict on a file's bytes; loaded once, run as its command line would."""
    program: dict[str, Any] = runpy.run_path(str(VERIFIER), run_name="verifier")
    file = directory / "second.jsonl"

    def verdict(text: bytes, head: Head | None, after: Head | None) -> str:
        file.write_bytes(text)
        ledger = program["Ledger"]([program["key_of"](key.public_key)], False)
        ledger.wanted = None if head is None else head.number
        with file.open("rb") as lines:
            for place, line in enumerate(lines, 1):
                ledger.take(line[:-1] if line.endswith(b"\n") else b"", f"line {place}")
        ledger.close_piece()
        ledger.gaps()
        ledger.start(None if after is None else (after.number, after.hash))
        ledger.end(None if head is None else (head.number, head.hash))
        return "FAIL" if ledger.faults else "PARTIAL" if ledger.doubts else "PASS"

    return verdict


def first(text: bytes, key: GateKey, head: Head | None, after: Head | None) -> str:
    def entries() -> Iterator[Entry | None]:
        *lines, rest = text.split(b"\n")
        for line in [*lines, rest] if rest else lines:
            try:
                yield entry_of(line) if line is not rest else None
            except ValueError:
                yield None

    return check(entries(), Checker([PublicKey(key.public_key)], after, head, judge_of=PublicKey)).result.value


def text_of_all(entries: Sequence[Entry]) -> bytes:
    return b"".join(line_of(entry) + b"\n" for entry in entries)


def treated(entries: list[Entry], key: GateKey, other: GateKey) -> dict[str, tuple[list[Entry], str]]:
    """What can be done to a ledger, and the verdict that both must give when they know the head."""
    swapped = [*entries[:7], entries[8], entries[7], *entries[9:]]
    forged = [*entries[:9], next_entry(entries[8].head, content_text(event(77)), other.sign)]
    anew = [*entries[:9], *chained(key, [event(n) for n in range(9, 20)], entries[8].head)]
    bare = [*entries, *chained(None, [event(50)], entries[-1].head)]
    back = [
        *entries,
        *chained(key, [began(key, "an old file", Head(99, "a" * 64))], entries[-1].head),
    ]
    return {
        "untouched": (entries, "PASS"),
        "deleted": ([*entries[:5], *entries[6:]], "FAIL"),
        "swapped": (swapped, "FAIL"),
        "twice": ([*entries, entries[3]], "FAIL"),
        "cut": (entries[:-2], "FAIL"),
        "beginning cut": (entries[2:], "PARTIAL"),
        "forged": (forged, "FAIL"),
        "written anew with the key": (anew, "FAIL"),
        "of another key": (ledger_of(other), "FAIL"),
        "unsigned at the end": (bare, "PARTIAL"),
        "rolled back": (back, "FAIL"),
        "empty": ([], "FAIL"),
    }  # fmt: skip


def test_both_verifiers_give_the_same_verdict_on_whatever_was_done(
    key: GateKey, tmp_path: Path, second: Second
) -> None:
    entries = ledger_of(key)
    for name, (changed, verdict) in treated(entries, key, key_in(tmp_path)).items():
        text = text_of_all(changed)
        head = entries[-1].head
        assert (name, first(text, key, head, None), second(text, head, None)) == (name, verdict, verdict)


def test_both_verifiers_say_partial_without_a_head_and_pass_a_month_with_what_stood_before(
    key: GateKey, second: Second
) -> None:
    entries = ledger_of(key)
    head = entries[-1].head
    for text, known, after, verdict in (
        (text_of_all(entries), None, None, "PARTIAL"),
        (text_of_all(entries[5:]), head, entries[4].head, "PASS"),
        (text_of_all(entries[5:]), head, entries[3].head, "FAIL"),
    ):
        assert (first(text, key, known, after), second(text, known, after)) == (verdict, verdict)


def test_of_1000_random_changed_bytes_of_the_exported_file_neither_verifier_misses_one(
    key: GateKey, tmp_path: Path, second: Second
) -> None:
    entries = ledger_of(key)
    text = Path(exported(entries, key, tmp_path).lines_file).read_bytes()
    randomly = random.Random(11)
    for _ in range(1000):
        changed = bytearray(text)
        place = randomly.randrange(len(changed))
        changed[place] ^= randomly.randrange(1, 256)
        assert first(bytes(changed), key, entries[-1].head, None) == "FAIL", place
        assert second(bytes(changed), entries[-1].head, None) == "FAIL", place


def test_both_take_a_new_keys_word_for_what_an_old_one_signed(key: GateKey, tmp_path: Path, second: Second) -> None:
    old = chained(key_in(tmp_path), [event(n) for n in range(1, 10_050)])
    entries = [*old, *chained(key, [began(key)], old[-1].head)]
    text, head = text_of_all(entries), entries[-1].head
    assert (first(text, key, head, None), second(text, head, None)) == ("PASS", "PASS")
    text = text_of_all(old)
    assert (first(text, key, old[-1].head, None), second(text, old[-1].head, None)) == ("FAIL", "FAIL")


def test_the_second_verifier_runs_alone_and_tells_by_its_exit_code(
    directory: Path, key: GateKey, tmp_path: Path
) -> None:
    entries = ledger_of(key)
    file = tmp_path / "a.jsonl"
    head = f"{entries[-1].number}:{entries[-1].hash}"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(VERIFIER), "--key", str(directory / PUBLIC_FILE), *arguments, str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    file.write_bytes(text_of_all(entries))
    said = run("--head", head, "--every-signature")
    assert (said.returncode, said.stdout.splitlines()) == (0, ["20 entries, 1 to 20", "PASS"])
    assert run().returncode == 2
    file.write_bytes(text_of_all(entries[:-1]))
    said = run("--head", head)
    assert said.returncode == 1
    assert "entries 20 to 20 are cut off the end" in said.stdout
    foreign = imports_of(VERIFIER.read_text(encoding="utf-8")) - sys.stdlib_module_names
    assert foreign == {"cryptography"}


def test_the_links_of_a_page_are_all_eighteen(key: GateKey, tmp_path: Path) -> None:
    text = " ".join(page_of(chained(key, [report(2)]), key, tmp_path).said)
    from edge.ledger_words import LINKS

    assert set(LINKS) == set(Link)
    assert all(LINKS[link].zh in text for link in Link)


def test_a_ledger_of_format_1_is_still_read_and_proved_by_both(tmp_path: Path) -> None:
    """Made by tests/golden/make_ledger_format_1.py and never changed since."""
    file, public = GOLDEN / "ledger_format_1.jsonl", str(GOLDEN / "ledger_format_1.pub")
    entries = [entry_of(line) for line in file.read_bytes().splitlines()]
    assert all(content_of(entry.record) is not None for entry in entries)
    head = entries[-1].head
    outcome = check(entries, Checker([public_key_of(public)], head=head))
    assert (outcome.result, [one.fault for one in outcome.findings]) == (Result.PARTIAL, [Fault.UNSIGNED])
    command = [sys.executable, "-I", str(VERIFIER), "--key", public, "--head", f"{head.number}:{head.hash}", str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.splitlines()) == (
        2, ["10 entries, 1 to 10", "not proved: 1 entries from 9 to 9 have no signature", "PARTIAL"],
    )  # fmt: skip
