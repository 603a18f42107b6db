"""The daemon's local sockets: what visitors get, and that none of them can hurt the others or the gate."""

from __future__ import annotations

import itertools
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import events
from edge.client import Client
from edge.control import ANSWER_MS_MAX, REQUESTS_MAX, STILL_MS_MAX, VIEW_MS_MIN, Control
from edge.errors import AlreadyRunningError, NotReachableError, RefusedError, StorageError
from edge.events import ContactEdge, MessageRefused, Origin, ResetAsked, Ticked, ViewAsked
from edge.requests import LINE_BYTES_MAX
from edge.visitors import IDLE_MS, STUCK_MS, VISITORS_MAX, still
from tests.unit.small_gate import DEADLINE_S, ShiftedClock, ShortDirectory, SmallGate, eventually


@pytest.fixture
def directory() -> Iterator[Path]:
    short = ShortDirectory()
    yield short.path
    short.close()


@pytest.fixture
def gate(directory: Path) -> Iterator[SmallGate]:
    gate = SmallGate(directory)
    yield gate
    gate.close()


class Visitor:
    """A program at a socket, as raw as can be."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self._stream = self.socket.makefile("rb")

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self.socket.close()

    def say(self, line: bytes | dict[str, Any]) -> None:
        self.socket.sendall((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")

    def hear(self) -> dict[str, Any]:
        line = self._stream.readline()
        assert line.endswith(b"\n"), "shown out"
        return json.loads(line)

    def ask(self, line: bytes | dict[str, Any]) -> dict[str, Any]:
        self.say(line)
        return self.hear()

    def shown_out(self) -> bool:
        """Wait until the daemon has closed this connection; everything still unread is thrown away."""
        try:
            while self._stream.read(65_536):
                pass
        except ConnectionError:
            pass
        return True


def view_of(gate: SmallGate) -> Visitor:
    return Visitor(gate.directory / "view.sock")


def control_of(gate: SmallGate) -> Visitor:
    return Visitor(gate.directory / "control.sock")


def views_asked(gate: SmallGate) -> int:
    """How many views the brain was asked for so far."""
    return sum(isinstance(fact, ViewAsked) for fact in list(gate.facts))


def press(gate: SmallGate) -> None:
    """A closure of the key, confirmed."""
    at_ms = gate.clock.now_ms()
    gate.post(ContactEdge(events.Contact.KEY, True, at_ms, Origin.PERSON))
    gate.post(Ticked(at_ms + 50))


# --- looking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", [7, "seven", None])
def test_status_is_answered_with_the_view_and_the_id(gate: SmallGate, id: object) -> None:
    with view_of(gate) as visitor:
        answer = visitor.ask({"id": id, "ask": "status"})
    assert (answer["id"], answer["ok"], answer["view"]["armed"]) == (id, True, True)


def test_many_requests_in_one_packet_are_answered_in_order(gate: SmallGate) -> None:
    with view_of(gate) as visitor:
        visitor.say(b"\n".join(json.dumps({"id": n, "ask": "status"}).encode() for n in range(10)))
        assert [visitor.hear()["id"] for _ in range(10)] == list(range(10))


def test_one_who_only_stops_asking_still_gets_the_answer(gate: SmallGate) -> None:
    """As ``echo ... | nc -U`` does."""
    with view_of(gate) as visitor:
        visitor.say({"id": 1, "ask": "status"})
        visitor.socket.shutdown(socket.SHUT_WR)
        assert visitor.hear()["ok"]
        assert visitor.shown_out()


def test_looking_much_costs_the_brain_little(gate: SmallGate) -> None:
    """However many ask at once, one view is made for all of them."""
    before = views_asked(gate)
    visitors = [view_of(gate) for _ in range(8)]
    gate.deaf = True
    visitors[0].say({"id": 0, "ask": "status"})
    eventually(lambda: views_asked(gate) == before + 1, "the first is asked")
    for visitor in visitors[1:]:
        visitor.say(b"\n".join([b'{"id": 1, "ask": "status"}'] * 5))
        assert not visitor.ask(b"nonsense")["ok"]  # answered at once, so that what came before it is heard as well
    gate.move_on(2 * VIEW_MS_MIN)
    assert not visitors[-1].ask(b"nonsense")["ok"]
    assert views_asked(gate) == before + 1
    gate.deaf = False
    asked = [fact for fact in gate.facts if isinstance(fact, ViewAsked)][-1]
    gate.control.answer(asked.token, {"armed": True})
    for visitor in visitors[1:]:
        assert all(visitor.hear()["ok"] for _ in range(5))
        visitor.__exit__()
    visitors[0].__exit__()
    views = [fact for fact in gate.facts if isinstance(fact, ViewAsked)]
    assert len(views) - before <= 6  # a few turns of the loop, not 36
    assert all(later.at_ms - earlier.at_ms >= VIEW_MS_MIN for earlier, later in itertools.pairwise(views))


def test_a_watcher_hears_changes_and_only_changes(gate: SmallGate) -> None:
    with view_of(gate) as visitor:
        first = visitor.ask({"id": 2, "ask": "watch", "every_ms": 100})
        assert first["view"]["lamp"] == "ready"
        for _ in range(5):  # the view is made again and again, and its times move on
            views = views_asked(gate)
            gate.move_on(STILL_MS_MAX)
            eventually(lambda n=views: views_asked(gate) > n, "asked again")
        press(gate)
        second = visitor.hear()
        assert (second["id"], second["view"]["lamp"]) == (2, "pressed")


def test_where_nothing_changes_a_watch_costs_the_brain_one_view_a_second(gate: SmallGate) -> None:
    """A screen looks 25 times a second, day and night. The lamp that it shows is never later for it."""
    with view_of(gate) as visitor:
        visitor.ask({"id": 2, "ask": "watch", "every_ms": 40})
        before = views_asked(gate)
        for _ in range(STILL_MS_MAX // 40 - 1):
            gate.move_on(40)
            assert not visitor.ask(b"nonsense")["ok"]  # the loop has had its turn
        assert views_asked(gate) <= before + 1  # this machine's own time passes, too
        press(gate)
        gate.move_on(40)
        assert visitor.hear()["view"]["lamp"] == "pressed"


def test_each_watcher_hears_a_change_that_another_has_heard_of(gate: SmallGate) -> None:
    with view_of(gate) as quick, view_of(gate) as slow:
        quick.ask({"id": 1, "ask": "watch", "every_ms": 20})
        slow.ask({"id": 2, "ask": "watch", "every_ms": 500})
        press(gate)
        gate.move_on(20)
        assert quick.hear()["view"]["lamp"] == "pressed"
        views = views_asked(gate)
        gate.move_on(500 - 20)
        assert slow.hear()["view"]["lamp"] == "pressed"
        assert views_asked(gate) > views


def test_what_comes_by_time_alone_is_told_within_a_second(gate: SmallGate) -> None:
    with view_of(gate) as visitor:
        gate.glimpse = lambda: ()
        visitor.ask({"id": 2, "ask": "watch", "every_ms": 40})
        gate.edit = lambda view: {**view, "clock": "drifted"}
        gate.move_on(STILL_MS_MAX)
        assert visitor.hear()["view"]["clock"] == "drifted"


def test_times_that_pass_by_themselves_are_no_change(gate: SmallGate) -> None:
    """Of an open alarm with a standing trouble too: everything in the view that only tells time is left out."""
    press(gate)
    client = Client(gate.directory / "view.sock")
    eventually(lambda: client.ask("status")["last_press"] is not None, "the press is seen")
    gate.move_on(40_000)
    gate.post(Ticked(gate.clock.now_ms()))
    eventually(lambda: bool(client.ask("status")["standing"]), "failure to communicate stands")
    one = client.ask("status")
    gate.clock.shift_ms += 5_000
    other = client.ask("status")
    assert one["uptime_ms"] != other["uptime_ms"]
    assert still(one, {}) == still(other, {})


def test_a_slow_watcher_misses_views_but_never_the_last(gate: SmallGate) -> None:
    number = 0

    def grown(view: dict[str, Any]) -> dict[str, Any]:
        nonlocal number
        number += 1
        return {**view, "number": number, "padding": "x" * 50_000}

    gate.edit = grown
    gate.glimpse = lambda: (object(),)
    with view_of(gate) as visitor:
        visitor.say({"id": 2, "ask": "watch", "every_ms": 100})
        eventually(lambda: number >= 1, "the first view is made")
        for _ in range(30):  # far more than the kernel holds for a visitor that does not read
            made = number
            gate.move_on(100)
            eventually(lambda n=made: number > n, "another view is made")
        gate.edit = lambda view: {**view, "number": -1}
        heard = [visitor.hear()["view"]["number"]]
        while heard[-1] != -1:
            heard.append(visitor.hear()["view"]["number"])
        assert len(heard) < 30
        assert heard[:-1] == sorted(heard[:-1])


def test_a_later_watch_replaces_an_earlier_one(gate: SmallGate) -> None:
    with view_of(gate) as visitor:
        visitor.ask({"id": 1, "ask": "watch"})
        assert visitor.ask({"id": 2, "ask": "watch"})["id"] == 2
        press(gate)
        assert visitor.hear()["id"] == 2


# --- acting ---------------------------------------------------------------------------------------------------------


def test_a_reset_is_posted_with_name_and_uid(gate: SmallGate) -> None:
    press(gate)
    with control_of(gate) as visitor:
        assert visitor.ask({"id": 1, "ask": "status"})["view"]["incident"]["ids"]
        assert visitor.ask({"id": 2, "ask": "reset", "by": " Li Wei "}) == {"id": 2, "ok": True}
        assert visitor.ask({"id": 3, "ask": "status"})["view"]["incident"]["ids"] == []
    (reset,) = [fact for fact in gate.facts if isinstance(fact, ResetAsked)]
    assert (reset.by, reset.uid) == ("Li Wei", os.getuid())


@pytest.mark.parametrize("by", [None, "", " ", "x" * 81, "two\nlines", "bell\a", 5])
def test_a_reset_needs_the_name_of_a_person(gate: SmallGate, by: object) -> None:
    with control_of(gate) as visitor:
        request = {"id": 2, "ask": "reset"} | ({} if by is None else {"by": by})
        answer = visitor.ask(request)
        assert (answer["id"], answer["ok"]) == (2, False)
        assert "by" in answer["error"]
    assert not any(isinstance(fact, ResetAsked) for fact in gate.facts)


@pytest.mark.parametrize("request_", [{"ask": "reset", "by": "Li Wei"}, {"ask": "press"}])
def test_the_view_socket_is_only_for_looking(gate: SmallGate, request_: dict[str, Any]) -> None:
    with view_of(gate) as visitor:
        answer = visitor.ask({"id": 4, **request_})
        assert not answer["ok"]
        assert "control.sock" in answer["error"]
    assert not any(isinstance(fact, ResetAsked) for fact in gate.facts)


def test_a_real_button_is_not_pressed_from_here(gate: SmallGate) -> None:
    with control_of(gate) as visitor:
        answer = visitor.ask({"id": 1, "ask": "press"})
        assert not answer["ok"]
        assert "real button" in answer["error"]


def test_a_simulated_button_is_pressed_and_its_failure_is_said(directory: Path) -> None:
    held: list[int] = []

    def push(hold_ms: int) -> None:
        held.append(hold_ms)
        if hold_ms == 13:
            raise OSError("no pin")

    gate = SmallGate(directory, push)
    try:
        with control_of(gate) as visitor:
            assert visitor.ask({"id": 1, "ask": "press"}) == {"id": 1, "ok": True}
            assert visitor.ask({"id": 2, "ask": "press", "hold_ms": 250})["ok"]
            assert "no pin" in visitor.ask({"id": 3, "ask": "press", "hold_ms": 13})["error"]
            assert not visitor.ask({"id": 4, "ask": "press", "hold_ms": 0})["ok"]
            assert visitor.ask({"id": 5, "ask": "status"})["view"]["local"]["failed"] == 1
        assert held == [100, 250, 13]
        assert any(isinstance(fact, MessageRefused) for fact in gate.facts)
    finally:
        gate.close()


# --- bad manners ----------------------------------------------------------------------------------------------------

NONSENSE = [
    b"{", b"[]", b"null", b"\xff\xfe", b'{"ask": "status"', b'{"id": 1}', b'{"id": 1, "ask": "disarm"}',
    b'{"id": 1, "ask": 5}', b'{"id": {}, "ask": "status"}', b'{"id": 1, "ask": "watch", "every_ms": 19}',
    b'{"id": 1, "ask": "watch", "every_ms": 5001}', b'{"id": 1, "ask": "status", "more": 1}', b"[" * 4000,
    b'{"id": 1, "ask": "watch", "every_ms": "100"}', b'{"id": 1e400, "ask": "status"}', b'{"by": "\xed\xa0\x80"}',
]  # fmt: skip


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_gets_an_error_and_the_next_request_its_answer(gate: SmallGate, line: bytes) -> None:
    with control_of(gate) as visitor:
        answer = visitor.ask(line)
        assert not answer["ok"]
        assert answer["error"]
        assert answer["exit_code"] == RefusedError.exit_code
        assert visitor.ask({"id": 9, "ask": "status"})["ok"]


def test_an_error_names_the_request_it_belongs_to(gate: SmallGate) -> None:
    with view_of(gate) as visitor:
        assert visitor.ask(b'{"id": "mine", "ask": "disarm"}')["id"] == "mine"


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_a_line_without_end_is_refused_and_its_sender_shown_out(gate: SmallGate, ending: bytes) -> None:
    with view_of(gate) as rude, view_of(gate) as polite:
        rude.socket.sendall(b"x" * (LINE_BYTES_MAX + 1) + ending)
        assert str(LINE_BYTES_MAX) in rude.hear()["error"]
        assert rude.shown_out()
        assert polite.ask({"ask": "status"})["ok"]


def test_one_too_many_is_told_so_and_the_others_stay(gate: SmallGate) -> None:
    visitors = [view_of(gate) for _ in range(VISITORS_MAX)]
    assert all(visitor.ask({"ask": "status"})["ok"] for visitor in visitors)
    with pytest.raises(NotReachableError, match=str(VISITORS_MAX)):
        Client(gate.directory / "view.sock").ask("status")
    assert visitors[0].ask({"ask": "status"})["view"]["local"]["turned_away"] == 1
    visitors.pop().__exit__()
    eventually(lambda: _is_welcome(gate), "a place that is left is given away again")
    for visitor in visitors:
        visitor.__exit__()


def _is_welcome(gate: SmallGate) -> bool:
    try:
        return bool(Client(gate.directory / "view.sock").ask("status"))
    except NotReachableError:
        return False


def test_one_who_never_reads_is_shown_out_in_time(gate: SmallGate) -> None:
    gate.edit = lambda view: {**view, "padding": "x" * 100_000}
    with view_of(gate) as deaf:
        deaf.say(b"\n".join([b'{"ask": "status"}'] * 4))  # more than the kernel holds, less than the bound
        eventually(lambda: any(isinstance(fact, ViewAsked) for fact in gate.facts), "asked")
        with view_of(gate) as other:
            assert other.ask({"ask": "status"})["view"]["local"]["slow"] == 0
            gate.move_on(STUCK_MS)
            eventually(lambda: other.ask({"ask": "status"})["view"]["local"]["slow"] == 1, "shown out")
        assert deaf.shown_out()


def test_one_for_whom_too_much_waits_is_shown_out_at_once(gate: SmallGate) -> None:
    gate.edit = lambda view: {**view, "padding": "x" * 100_000}
    with view_of(gate) as deaf, view_of(gate) as other:
        deaf.say(b"\n".join([b'{"ask": "status"}'] * 8))
        soon_s = STUCK_MS / 2000
        eventually(lambda: other.ask({"ask": "status"})["view"]["local"]["slow"] == 1, "shown out", soon_s)
        assert deaf.shown_out()


def test_the_silent_are_shown_out_and_watchers_are_not_called_silent(gate: SmallGate) -> None:
    with view_of(gate) as silent, view_of(gate) as watcher:
        watcher.ask({"id": 1, "ask": "watch"})
        silent.ask({"ask": "status"})
        Client(gate.directory / "view.sock").ask("status")  # by now the daemon is done with the one before
        gate.move_on(IDLE_MS)
        assert silent.shown_out()
        press(gate)
        assert watcher.hear()["view"]["lamp"] == "pressed"


def test_a_brain_that_does_not_answer_is_said_in_time_and_an_answer_too_late_is_nobodys(gate: SmallGate) -> None:
    with view_of(gate) as visitor, view_of(gate) as watcher:
        watcher.ask({"id": 5, "ask": "watch", "every_ms": 5000})
        gate.deaf = True
        visitor.say({"id": 1, "ask": "status"})
        eventually(lambda: views_asked(gate) == 2, "asked")
        gate.move_on(ANSWER_MS_MAX)
        answer = visitor.hear()
        assert (answer["id"], answer["ok"], answer["exit_code"]) == (1, False, NotReachableError.exit_code)
        late = next(fact for fact in gate.facts if isinstance(fact, ViewAsked))
        gate.control.answer(late.token, {"lamp": "late"})
        gate.deaf = False
        gate.move_on(ANSWER_MS_MAX)  # the watch, too, is told in its own time
        answer = visitor.ask({"id": 2, "ask": "status"})
        assert answer["view"]["lamp"] == "ready"
        assert answer["view"]["local"]["unanswered"] >= 1


def test_requests_beyond_the_bound_are_refused(gate: SmallGate) -> None:
    gate.deaf = True
    with view_of(gate) as visitor:
        for _ in range(REQUESTS_MAX):
            visitor.say(b'{"ask": "status"}')
        assert f"{REQUESTS_MAX} requests wait" in visitor.ask({"id": "last", "ask": "status"})["error"]


def test_a_view_that_cannot_be_shown_is_an_error_not_the_end(gate: SmallGate) -> None:
    with view_of(gate) as visitor:
        gate.edit = lambda view: {**view, "odd": object()}
        assert not visitor.ask({"ask": "status"})["ok"]
        gate.edit = lambda view: view
        assert visitor.ask({"ask": "status"})["view"]["local"]["failed"] == 1


def test_visitors_that_vanish_at_any_moment_do_no_harm(gate: SmallGate) -> None:
    for sent in (b"", b'{"ask"', b'{"ask": "status"}\n', b'{"ask": "watch"}\n'):
        for _ in range(4):
            with control_of(gate) as visitor:
                visitor.socket.sendall(sent)
    answer = Client(gate.directory / "view.sock").ask("status")
    assert answer["local"]["failed"] == 0


# --- beginning and end ----------------------------------------------------------------------------------------------


def test_both_sockets_are_open_to_owner_and_group_alone(gate: SmallGate) -> None:
    for name in ("view.sock", "control.sock"):
        assert stat.S_IMODE((gate.directory / name).stat().st_mode) == 0o660


def test_sockets_that_a_killed_daemon_left_are_cleared(directory: Path) -> None:
    for name in ("view.sock", "control.sock"):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(directory / name))
    gate = SmallGate(directory)
    try:
        assert Client(directory / "control.sock").ask("status")["armed"]
    finally:
        gate.close()
    assert list(directory.iterdir()) == []


def test_a_second_daemon_is_refused_and_the_first_goes_on(gate: SmallGate) -> None:
    with pytest.raises(AlreadyRunningError, match=r"view\.sock.*stop it first"):
        Control(gate.directory, lambda _: None, ShiftedClock(), None)
    for name in ("view.sock", "control.sock"):
        assert Client(gate.directory / name).ask("status")["armed"]


def test_nothing_is_touched_where_only_the_second_socket_is_alive(directory: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale, socket.socket(socket.AF_UNIX) as alive:
        stale.bind(str(directory / "view.sock"))
        alive.bind(str(directory / "control.sock"))
        alive.listen()
        with pytest.raises(AlreadyRunningError, match=r"control\.sock"):
            Control(directory, lambda _: None, ShiftedClock(), None)
    assert sorted(path.name for path in directory.iterdir()) == ["control.sock", "view.sock"]


def test_a_file_that_is_no_socket_is_never_removed(directory: Path) -> None:
    (directory / "control.sock").write_text("precious")
    with pytest.raises(StorageError, match="not a socket: move it away"):
        Control(directory, lambda _: None, ShiftedClock(), None)
    assert (directory / "control.sock").read_text() == "precious"
    assert not (directory / "view.sock").exists()


def test_a_path_too_long_for_a_socket_is_said(directory: Path) -> None:
    with pytest.raises(StorageError, match="107 bytes; shorten"):
        Control(directory / ("d" * 110), lambda _: None, ShiftedClock(), None)


def test_a_place_that_cannot_be_a_directory_is_said(directory: Path) -> None:
    (directory / "file").write_text("")
    with pytest.raises(StorageError, match="runtime_directory"):
        Control(directory / "file", lambda _: None, ShiftedClock(), None)


def test_a_control_that_never_served_can_be_closed(directory: Path) -> None:
    control = Control(directory, lambda _: None, ShiftedClock(), None)
    control.close()
    control.close()
    control.serve()  # too late: returns at once
    control.answer(1, {})
    assert list(directory.iterdir()) == []


def test_the_end_hangs_up_on_everybody(directory: Path) -> None:
    gate = SmallGate(directory)
    with view_of(gate) as visitor:
        visitor.ask({"ask": "watch"})
        gate.close()
        assert visitor.shown_out()


# --- the other end --------------------------------------------------------------------------------------------------


def test_the_client_says_where_no_daemon_is_and_how_to_start_one(directory: Path) -> None:
    with pytest.raises(NotReachableError, match=r"view\.sock .*no such socket.*gatepost run"):
        Client(directory / "view.sock").ask("status")


def test_the_client_raises_what_the_daemon_says(gate: SmallGate) -> None:
    with pytest.raises(RefusedError, match="real button"):
        Client(gate.directory / "control.sock").ask("press")


def test_the_client_watches_until_the_daemon_ends(directory: Path) -> None:
    gate = SmallGate(directory)
    views = Client(directory / "view.sock").watch(100)
    assert next(views)["lamp"] == "ready"
    press(gate)
    assert next(views)["lamp"] == "pressed"
    gate.close()
    with pytest.raises(NotReachableError, match="hung up"):
        next(views)


def test_the_client_tells_a_quiet_daemon_from_one_that_stands_still(gate: SmallGate) -> None:
    """Silence is no news only as long as a question is still answered."""
    views = Client(gate.directory / "view.sock", timeout_s=0.2).watch(5000)
    next(views)
    heard: list[BaseException | dict[str, Any]] = []

    def listen() -> None:
        try:
            heard.append(next(views))
        except NotReachableError as error:
            heard.append(error)

    listener = threading.Thread(target=listen)
    asked = views_asked(gate)
    listener.start()
    eventually(lambda: views_asked(gate) >= asked + 2, "asked in the silence, twice")
    assert heard == []
    gate.deaf = True
    listener.join(DEADLINE_S)
    assert isinstance(heard[0], NotReachableError)
    views.close()
