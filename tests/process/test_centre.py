"""The real centre process with a real mosquitto: what a gate and an officer can trust."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge import wire
from edge.camera_words import JPEG_START
from edge.chain import Kind
from edge.events import Code, Lane, Origin, Stage
from edge.topics import Topic
from tests.process.brokers import (
    PATIENCE_S,
    Authority,
    Listener,
    Mosquitto,
    SilentBroker,
    free_port,
    password_file,
    publish_packet,
)
from tests.unit.centre_events import (
    ADDRESS,
    BOOT,
    event,
    press,
    report,
    reset,
    self_test,
    trouble,
    window_word,
)

COUNTY = ADDRESS.county


class Centre:
    """``gatepost-centre`` as a person starts it."""

    def __init__(
        self, directory: Path, *ports: int, silent_after: int = 90, urls: Sequence[str] = (), more: Sequence[str] = ()
    ) -> None:
        self.runtime = directory / "run"
        self.database = directory / "centre.db"
        self._log = directory / "centre.log"
        urls = [*urls, *(f"mqtt://127.0.0.1:{port}" for port in ports)]
        brokers = [word for url in urls for word in ("--broker", url)]
        self.arguments = [
            "run", "--county", COUNTY, *brokers, "--database", str(self.database),
            "--silent-after", str(silent_after), *more,
        ]  # fmt: skip
        self.process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                command(*self.arguments, "--runtime-directory", str(self.runtime)),
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None

    def start(self) -> None:
        """Returns once it has said that it listens."""
        self.begin()
        said, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        assert said, f"says nothing in {PATIENCE_S:g} s: {self.log()}"
        assert self.process.stdout.readline() == "gatepost-centre: listening\n", self.log()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def log(self) -> str:
        return self._log.read_text()

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*words, "--runtime-directory", str(self.runtime)), capture_output=True, text=True, check=False
        )

    def json(self, *words: str) -> Any:
        done = self.call(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def wait_for(self, fits: Callable[[Any], bool]) -> Any:
        """The list, as soon as it fits."""
        until = time.monotonic() + PATIENCE_S
        while not fits(listed := self.json("list")):
            assert time.monotonic() < until, listed
        return listed


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "centre", *words]


class Gate(Listener):
    """What a gate is to the centre: a client that publishes events and hears receipts."""

    def __init__(self, port: int) -> None:
        super().__init__(port, ADDRESS.down, ADDRESS.centre_status)

    def send(self, one: wire.Event) -> None:
        self.publish(ADDRESS.up(one.topic.value), wire.encode(one))

    def say(self, *, online: bool, connection: int = 1) -> None:
        word = wire.GateWord(wire.SCHEMA, online, BOOT, 1, connection)
        self.publish(ADDRESS.up("status"), wire.encode(word), retain=True)

    def receipt(self) -> tuple[str, Stage, str]:
        """The next receipt: id, stage, by."""
        message = self.next(lambda m: m.topic == ADDRESS.receipts)
        assert not message.retain
        id, stage, receipt = wire.decode_receipt(message.payload)
        return str(id), stage, receipt.by

    def command(self) -> wire.CentreCommand:
        """The next command from the centre."""
        message = self.next(lambda m: m.topic == ADDRESS.commands)
        assert not message.retain
        return wire.decode_command(message.payload)

    def beat(self, monotonic_ms: int = 1, **words: object) -> None:
        health = {"boot": BOOT, "boot_counter": 1, "monotonic_ms": monotonic_ms, **words}
        self.publish(ADDRESS.up("heartbeat"), wire.encode(health))

    def no_receipt_before(self, one: wire.Event) -> None:
        """``one`` is answered, and nothing else was before it."""
        self.send(one)
        assert self.receipt() == (one.id, Stage.RECEIVED, "")

    def listening(self, word: bool) -> None:
        """Waits until the centre's retained word is this."""
        self.next(lambda m: m.topic == ADDRESS.centre_status and wire.decode_centre_word(m.payload).listening is word)


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", ["max_queued_messages 0"]) as broker:
        yield broker


@pytest.fixture
def centre(tmp_path, broker) -> Iterator[Centre]:
    centre = Centre(tmp_path, broker.port)
    centre.start()
    yield centre
    if centre.process is not None and centre.process.poll() is None:
        centre.end()


@pytest.fixture
def gate(broker) -> Iterator[Gate]:
    with Gate(broker.port) as gate:
        yield gate


def test_an_alarm_is_kept_once_and_every_arrival_is_answered(centre, gate):
    for _ in range(3):
        gate.send(press(1))
        assert gate.receipt() == (press(1).id, Stage.RECEIVED, "")
    listed = centre.json("list")
    assert (listed["counters"]["events"], listed["counters"]["duplicates"]) == (1, 2)
    assert [(i["incident"], i["presses"]) for i in listed["incidents"]] == [(press(1).id, 1)]


def test_a_self_test_is_answered_and_is_no_incident(centre, gate):
    gate.send(self_test(1))
    assert gate.receipt()[0] == self_test(1).id
    assert centre.json("list")["incidents"] == []


def test_a_receipt_means_that_a_power_cut_takes_nothing(centre, gate):
    """Killed the moment the receipt is out: the event is there after the restart, with its incident."""
    for counter in range(1, 21):
        gate.send(press(counter, 1))
    for _ in range(20):
        gate.receipt()
    centre.end(signal.SIGKILL)
    centre.start()
    assert [row["event"]["counter"] for row in centre.json("events")] == list(range(1, 21))
    assert centre.json("list")["incidents"][0]["presses"] == 20


def test_what_comes_while_the_centre_is_away_waits_at_the_broker(centre, gate):
    """Routine events too, and once each; the alarm among them is answered."""
    centre.end(signal.SIGKILL)
    gate.listening(False)
    for counter in range(1, 500):
        gate.send(event(counter))
    gate.send(press(500))
    centre.start()
    assert gate.receipt()[0] == press(500).id
    centre.wait_for(lambda listed: listed["counters"]["events"] == 500)
    counters = [row["event"]["counter"] for row in centre.json("events")]
    assert sorted(counters) == list(range(1, 501))
    assert [c for c in counters if c != 500] == list(range(1, 500))


def test_the_centre_s_word_tells_the_truth(centre, gate):
    """Listening; not after an orderly end; listening again; not after a kill."""
    gate.listening(True)
    assert centre.end() == 0
    gate.listening(False)
    centre.start()
    gate.listening(True)
    centre.end(signal.SIGKILL)
    gate.listening(False)


def test_an_officer_s_acts_reach_the_gate_under_the_incident_s_id(centre, gate):
    gate.send(press(1))
    gate.send(press(2, 1))
    assert [gate.receipt()[0] for _ in range(2)] == [press(1).id, press(2).id]
    for act, stage in (("seen", Stage.SEEN), ("dispatched", Stage.DISPATCHED), ("close", Stage.CLOSED)):
        done = centre.json(act, press(2).id, "--by", "Li Wei")
        assert done["incident"] == press(1).id
        assert gate.receipt() == (press(1).id, stage, "Li Wei")
    shown = centre.json("show", BOOT)
    assert [act["stage"] for act in shown["acts"]] == ["seen", "dispatched", "closed"]
    assert [row["event"]["counter"] for row in shown["events"]] == [1, 2]


def test_a_gate_that_was_away_learns_the_close_until_it_has_ended(centre, gate):
    gate.send(press(1))
    gate.receipt()
    centre.json("close", press(1).id, "--by", "Li")
    closed = (press(1).id, Stage.CLOSED, "Li")
    assert gate.receipt() == closed
    centre.end(signal.SIGKILL)
    centre.start()
    gate.say(online=True, connection=2)
    assert gate.receipt() == closed
    gate.publish(ADDRESS.up("heartbeat"), b'{"backlog": 0}')
    assert gate.receipt() == closed
    gate.send(reset(2, 1))
    assert gate.receipt()[0] == reset(2, 1).id
    gate.say(online=True, connection=3)
    gate.no_receipt_before(self_test(3))
    assert centre.json("list")["incidents"] == []


def test_a_press_after_the_close_is_not_closed_by_the_repeat(centre, gate):
    gate.send(press(1))
    gate.receipt()
    centre.json("close", press(1).id, "--by", "Li")
    gate.receipt()
    gate.send(press(2, 1))
    gate.receipt()
    gate.say(online=True)
    gate.no_receipt_before(self_test(3))
    assert centre.json("list")["incidents"][0]["stage"] == "received"


def test_a_silent_gate_is_noticed_in_time_and_shown_on_top(tmp_path, broker):
    centre = Centre(tmp_path, broker.port, silent_after=3)
    centre.start()
    other = wire.Address(COUNTY, "a-school", "gate-1")
    with Gate(broker.port) as gate:
        gate.say(online=True)
        began = looked = time.monotonic()
        while not (gates := centre.json("list")["gates"]) or not any(one["silent"] for one in gates):
            assert looked - began < 3 + 1, "a look that began a second after the limit did not show it"
            gate.publish(other.up("heartbeat"), b"{}")
            looked = time.monotonic()
        assert time.monotonic() - began > 2
        assert [(one["address"], one["silent"]) for one in gates] == [(str(ADDRESS), True), (str(other), False)]

        def none_is_silent(listed):
            for heard in (ADDRESS.up("probe"), other.up("heartbeat")):  # a look takes its time, and 3 s are soon over
                gate.publish(heard, b"{}")
            return not any(one["silent"] for one in listed["gates"])

        centre.wait_for(none_is_silent)
    centre.end()
    assert f"SILENT {ADDRESS}" in centre.log()


def test_troubles_stand_over_a_kill_until_restored(centre, gate):
    gate.send(trouble(1, "loop_open"))
    gate.send(trouble(2, "broker_lost"))
    centre.wait_for(lambda listed: listed["counters"]["events"] == 2)
    centre.end(signal.SIGKILL)
    centre.start()
    assert sorted(centre.json("list")["gates"][0]["troubles"]) == ["broker_lost", "loop_open"]
    gate.send(trouble(3, "loop_open", raised=False))
    centre.wait_for(lambda listed: list(listed["gates"][0]["troubles"]) == ["broker_lost"])


def test_bad_messages_are_counted_by_reason_and_hold_nothing_up(centre, gate):
    alarm = ADDRESS.up("alarm")
    gate.publish(alarm, b"{")
    gate.publish(alarm, b"x" * (wire.UP_BYTES_MAX + 1))
    gate.publish(alarm, wire.encode(event(1)))
    gate.publish(ADDRESS.up("nonsense"), b"{}")
    gate.publish(f"gate/{COUNTY}/SCHOOL/gate-1/alarm", wire.encode(press(1)))
    gate.publish(alarm, wire.encode(press(1, schema=9)))
    gate.no_receipt_before(press(2))
    # Alarms overtake, so the rest may be counted a moment later.
    expected = {"malformed": 1, "oversized": 1, "topic": 3, "schema": 1}
    listed = centre.wait_for(lambda listed: listed["counters"]["refused"] == expected)
    assert listed["counters"]["events"] == 1


def test_a_retained_event_is_refused(broker, tmp_path):
    with Gate(broker.port) as gate:
        gate.publish(ADDRESS.up("alarm"), wire.encode(press(1)), retain=True)
    centre = Centre(tmp_path, broker.port)
    centre.start()
    listed = centre.wait_for(lambda listed: listed["counters"]["refused"] == {"retained": 1})
    assert listed["counters"]["events"] == 0
    centre.end()


def test_two_brokers_one_memory(tmp_path, broker):
    """The same alarm by both is kept once and answered by the way it came; a broker that is down does not matter."""
    with Mosquitto(tmp_path / "second") as second:
        centre = Centre(tmp_path, free_port(), broker.port, second.port)
        centre.start()
        centre.wait_for(lambda listed: [one["connected"] for one in listed["brokers"]] == [False, True, True])
        with Gate(broker.port) as first_way, Gate(second.port) as second_way:
            for way in (first_way, second_way):
                way.send(press(1))
                assert way.receipt()[0] == press(1).id
            centre.json("seen", BOOT, "--by", "Li")
            assert first_way.receipt() == second_way.receipt() == (press(1).id, Stage.SEEN, "Li")
        assert centre.json("list")["counters"]["events"] == 1
        centre.end()


def test_the_centre_comes_back_after_a_broker_restart(centre, broker):
    broker.restart()
    centre.wait_for(lambda listed: listed["brokers"][0]["connected"])
    with Gate(broker.port) as gate:
        gate.listening(True)
        gate.send(press(1))
        assert gate.receipt()[0] == press(1).id


def test_a_disk_that_refuses_is_told_to_gates_and_nothing_is_acknowledged(centre, gate):
    """No receipt and no word of listening while it cannot write; afterwards the same alarm, once."""
    gate.listening(True)
    assert centre.process is not None
    never = resource.RLIM_INFINITY
    resource.prlimit(centre.process.pid, resource.RLIMIT_FSIZE, (4096, never))
    gate.send(press(1))
    gate.listening(False)
    listed = centre.json("list")
    assert not listed["storing"]
    assert listed["counters"]["events"] == 0
    resource.prlimit(centre.process.pid, resource.RLIMIT_FSIZE, (never, never))
    assert gate.receipt() == (press(1).id, Stage.RECEIVED, "")
    gate.listening(True)
    assert [row["arrivals"] for row in centre.json("events")] == [1]


def test_an_alarm_that_waited_in_the_session_has_its_receipt_before_the_subscription_is_answered(tmp_path):
    """A broker sends at once what it kept; such a receipt was dropped, and the gate's lamp did not go on."""
    waited = publish_packet(ADDRESS.up("alarm"), wire.encode(press(1)), 1)
    with SilentBroker(connack=b"\x20\x02\0\0" + waited, suback=None) as slow:
        centre = Centre(tmp_path, slow.port, more=["--protocol", "3.1.1"])
        centre.begin()
        assert slow.wait_for_publishes(1) == [ADDRESS.receipts]
        centre.end()


def test_an_old_broker_s_protocol_does_as_well(tmp_path, broker, gate):
    """MQTT 3.1.1: what came while the centre was away still waits."""
    centre = Centre(tmp_path, broker.port, more=["--protocol", "3.1.1"])
    centre.start()
    centre.end(signal.SIGKILL)
    gate.listening(False)
    gate.send(press(1))
    centre.start()
    assert gate.receipt()[0] == press(1).id
    centre.end()


def test_certificates_and_a_password_file_open_a_guarded_broker(tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("broker", host="IP:127.0.0.1")
    passwords = password_file(tmp_path, officer="word")
    lines = [f"cafile {authority.certificate}", f"certfile {certificate}", f"keyfile {key}"]
    secret = tmp_path / "secret"
    secret.write_text("word\n")
    with Mosquitto(tmp_path / "guarded", [*lines, f"password_file {passwords}"], anonymous=False) as guarded:
        more = ["--ca-file", str(authority.certificate), "--password-file", str(secret)]
        centre = Centre(tmp_path, urls=[f"mqtts://officer@127.0.0.1:{guarded.port}"], more=more)
        centre.start()
        assert centre.json("list")["brokers"][0]["connected"]
        assert "word" not in json.dumps(centre.json("list"))
        centre.end()


def test_the_socket_is_the_owner_s_alone(centre):
    assert os.stat(centre.runtime / "control.sock").st_mode & 0o777 == 0o600


def test_people_get_tables(centre, gate):
    gate.send(press(1, body={"note": "[bold]\x1b[31m"}))
    gate.receipt()
    for words in (["list"], ["show", BOOT], ["events"], ["watch", "--times", "1"]):
        done = centre.call(*words)
        assert done.returncode == 0, done.stderr
        assert BOOT in done.stdout
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["show", "ffff"], 10, "ffff"),
        (["seen", "ffff", "--by", "Li"], 10, "ffff"),
        (["seen", "", "--by", "Li"], 10, "no incident"),
    ],
)
def test_a_refusal_is_one_line_and_its_own_exit_code(centre, words, code, says):
    done = centre.call(*words)
    assert done.returncode == code
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_pictures_of_an_alarm_are_saved_as_files_and_never_printed(centre, gate, tmp_path):
    gate.send(press(1))
    assert gate.receipt()[0] == press(1).id
    jpeg = JPEG_START + bytes(3_000)
    body = {"offset_ms": -1_500, "jpeg_base64": b64encode(jpeg).decode()}
    gate.send(event(2, topic=Topic.PICTURE, code=Code.ALARM_PICTURE, incident=press(1).incident, body=body))
    gate.no_receipt_before(press(3, 1))
    for words in (["show", press(1).id], ["events"]):
        printed = centre.json(*words)
        rows = printed["events"] if words[0] == "show" else printed
        assert [row["event"]["body"].get("jpeg_bytes") for row in rows] == [None, len(jpeg), None]
        assert "jpeg_base64" not in str(printed)
    (file,) = centre.json("pictures", press(1).id, "--to", str(tmp_path / "evidence"))
    assert Path(file).read_bytes() == jpeg
    (same,) = centre.json("pictures", press(3).id, "--to", str(tmp_path / "later"))
    assert Path(same).name == Path(file).name, "a later press finds the pictures of its incident"
    unwritable = centre.call("pictures", press(1).id, "--to", "/proc/evidence")
    assert (unwritable.returncode, unwritable.stderr.count("\n")) == (8, 1)


def test_going_back_is_refused(centre, gate):
    gate.send(press(1))
    gate.receipt()
    centre.json("dispatched", BOOT, "--by", "Li")
    done = centre.call("seen", BOOT, "--by", "Wang")
    assert done.returncode == 10
    assert "already dispatched by Li" in done.stderr


def test_without_a_centre_the_commands_say_where_they_looked(tmp_path):
    done = subprocess.run(
        command("list", "--runtime-directory", str(tmp_path)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 7
    assert str(tmp_path) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_second_centre_on_the_same_files_is_turned_away(centre):
    done = centre.call(*centre.arguments)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (["--county", "County 1"], 3),
        (["--broker", "http://x"], 3),
        (["--broker", "mqtts://x", "--ca-file", "missing.pem"], 6),
        (["--database", "/proc/none/centre.db"], 8),
    ],
)
def test_a_start_that_cannot_work_says_why_in_one_line(tmp_path, changed, code):
    words = {"--county": COUNTY, "--broker": "mqtt://127.0.0.1:1", "--database": str(tmp_path / "c.db")}
    words |= dict(zip(changed[::2], changed[1::2], strict=True))
    arguments = [word for pair in words.items() for word in pair]
    done = subprocess.run(
        command("run", *arguments, "--runtime-directory", str(tmp_path / "run")),
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_window_is_asked_of_the_gate_and_shown_as_open_once_the_gate_says_so(centre, gate):
    gate.beat()
    centre.wait_for(lambda listed: listed["gates"])
    opened = centre.json("window", "open", "--gate", "gate-1", "--minutes", "10", "--by", "Li Wei")
    command = gate.command()
    assert (command.command, command.nonce, command.kind, command.by, command.for_ms) == (
        "open_window", opened["id"], "human", "Li Wei", 600_000,
    )  # fmt: skip
    assert command.issued_wall_ms <= now_ms() < command.expires_wall_ms <= command.issued_wall_ms + 60_000
    assert centre.json("list")["windows"][0]["state"] == "asked"
    gate.send(window_word(1, opened["id"]))
    centre.wait_for(lambda listed: [one["state"] for one in listed["windows"]] == ["open"])
    centre.end(signal.SIGKILL)
    centre.start()
    centre.json("window", "close", opened["id"][:6], "--by", "Wang")
    assert (gate.command().command, centre.json("list")["windows"][0]["state"]) == ("close_window", "closing")
    gate.send(window_word(2, opened["id"], ended=True))
    centre.wait_for(lambda listed: listed["windows"] == [])
    (kept,) = centre.json("window", "list", "--gate", str(ADDRESS))
    assert (kept["state"], kept["by"], kept["closed_by"], kept["ended_why"]) == (
        "ended", "Li Wei", "Wang", "its time is over",
    )  # fmt: skip


def test_a_window_goes_by_every_broker(tmp_path, broker):
    with Mosquitto(tmp_path / "second") as second:
        centre = Centre(tmp_path, broker.port, second.port)
        centre.start()
        centre.wait_for(lambda listed: all(one["connected"] for one in listed["brokers"]))
        with Gate(broker.port) as first_way, Gate(second.port) as second_way:
            first_way.beat()
            centre.wait_for(lambda listed: listed["gates"])
            opened = centre.json("window", "open", "--gate", "gate-1", "--by", "Li")
            assert first_way.command().nonce == second_way.command().nonce == opened["id"]
        centre.end()


def test_an_alarm_closes_the_window_at_once(centre, gate):
    gate.beat()
    centre.wait_for(lambda listed: listed["gates"])
    centre.json("window", "open", "--gate", "gate-1", "--by", "Li")
    gate.command()
    gate.send(press(1))
    assert gate.command().command == "close_window"
    assert [one["incident"] for one in centre.json("list")["incidents"]] == [press(1).id]


def test_an_officer_confirms_a_test_card_with_the_same_act_as_an_alarm(centre, gate):
    gate.send(self_test(1))
    assert gate.receipt() == (self_test(1).id, Stage.RECEIVED, "")
    listed = centre.json("list")
    assert (listed["incidents"], [one["test"] for one in listed["cards"]]) == ([], [self_test(1).id])
    assert "no alarm" in centre.call("seen", BOOT, "--by", "Li Wei").stdout
    assert gate.receipt() == (self_test(1).id, Stage.SEEN, "Li Wei")
    assert centre.call("close", BOOT, "--by", "Li Wei").returncode == 10
    gate.send(report(2, self_test(1).id))
    assert gate.receipt() == (report(2, "").id, Stage.RECEIVED, "")
    listed = centre.json("list")
    assert (listed["cards"], listed["gates"][0]["tests"]["full"]["result"]) == ([], "PASS")
    (test,) = centre.json("tests", "--gate", "gate-1")
    assert (test["result"], test["seen_by"], len(test["links"])) == ("PASS", "Li Wei", 2)
    shown = centre.json("show", self_test(1).id)
    assert [row["event"]["counter"] for row in shown["events"]] == [1, 2]
    assert [act["stage"] for act in shown["acts"]] == ["seen"]


def test_a_screen_confirms_test_cards_only_when_it_was_told_to(centre, gate):
    """And then in a name that says that no person did it; an alarm on the same screen it leaves alone."""
    gate.send(self_test(1))
    gate.send(press(2))
    assert {gate.receipt()[0], gate.receipt()[0]} == {self_test(1).id, press(2).id}
    centre.call("watch", "--times", "1")
    gate.no_receipt_before(event(3, lane=Lane.ALARM))
    centre.call("watch", "--times", "1", "--confirm-tests-as", "wall screen")
    assert gate.receipt() == (self_test(1).id, Stage.SEEN, "software wall screen")
    assert centre.json("list")["incidents"][0]["stage"] == "received"
    gate.no_receipt_before(event(4, lane=Lane.ALARM))


def test_a_drill_opens_its_window_by_itself_and_its_response_is_timed(centre, gate):
    gate.beat()
    centre.wait_for(lambda listed: listed["gates"])
    start = datetime.now().astimezone() + timedelta(seconds=1)
    book = ["drill", "book", "--gate", "gate-1", "--start", start.isoformat(), "--by", "Li"]
    refused = centre.call(*book)
    assert (refused.returncode, refused.stderr.count("\n")) == (10, 1)
    assert "--force" in refused.stderr
    drill = centre.json(*book, "--force")
    assert (drill["short_notice"], drill["state"]) == (True, "booked")
    command = gate.command()
    assert (command.nonce, command.kind) == (drill["id"], "drill")
    assert command.issued_wall_ms >= drill["start_wall_ms"]
    gate.send(window_word(1, drill["id"]))
    pressed_wall_ms = now_ms() - 700
    gate.send(replace(self_test(2), origin=Origin.DRILL, wall_ms=pressed_wall_ms))
    gate.receipt()  # of the window's word or of the press: both are on the urgent lanes' topics
    centre.wait_for(lambda listed: listed["cards"])
    centre.json("seen", self_test(2).id, "--by", "Li")
    centre.json("dispatched", self_test(2).id, "--by", "Li")
    done = report(3, self_test(2).id, kind=Kind.DRILL, window=drill["id"])
    gate.send(replace(done, body={**done.body, "arrived_after_ms": 240_000}))
    centre.wait_for(lambda listed: not listed["cards"])
    shown = centre.json("drill", "show", drill["id"][:6])
    (test,) = shown["tests"]
    after = test["after_ms"]
    assert 700 <= after["receipt"] <= after["seen"] <= after["dispatched"]
    assert after["arrived"] == 240_000
    assert (shown["drill"]["state"], shown["window"]["state"]) == ("held", "open")


def test_a_gate_that_owes_a_test_is_raised_though_it_is_dead_and_the_centre_was_killed(centre, gate):
    """Announced for 6 h ago: overdue the moment it is heard; a report ends it."""
    gate.beat(1, next_test_due_wall_ms=now_ms() - 6 * 3_600_000)
    centre.wait_for(lambda listed: [one["matter"] for one in listed["items"]] == ["test_overdue"])
    centre.end(signal.SIGKILL)
    centre.start()
    (item,) = centre.json("list")["items"]
    assert (item["address"], item["id"]) == (str(ADDRESS), "")
    gate.send(report(2, ""))
    centre.wait_for(lambda listed: listed["items"] == [])
    assert "LOOK INTO" in centre.log()


def test_a_shortened_ledger_is_raised_until_a_person_has_cleared_it(centre, gate):
    gate.beat(1, ledger={"number": 9, "hash": "ab"})
    gate.beat(2, ledger={"number": 8, "hash": "cd"})
    (item,) = centre.wait_for(lambda listed: listed["items"])["items"]
    assert (item["matter"], "9:ab" in item["detail"]) == ("ledger", True)
    assert f"{ADDRESS}  8:cd  " in centre.call("heads", "--gate", "gate-1").stdout
    assert centre.json("heads", "--gate", "gate-2") == []
    centre.end(signal.SIGKILL)
    centre.start()
    centre.json("clear", item["id"][:6], "--by", "Wang")
    assert centre.json("list")["items"] == []


@pytest.mark.parametrize(
    "words",
    [
        ["window", "open", "--gate", "gate-9", "--by", "Li"],
        ["window", "close", "ff", "--by", "Li"],
        ["drill", "book", "--gate", "gate-9", "--start", "2030-01-01T10:00", "--by", "Li"],
        ["drill", "book", "--gate", "gate-1", "--start", "tomorrow", "--by", "Li"],
        ["drill", "cancel", "ff", "--by", "Li"],
        ["drill", "show", "ff"],
        ["clear", "ff", "--by", "Li"],
    ],
)
def test_a_refusal_about_tests_is_one_line(centre, words):
    done = centre.call(*words)
    assert (done.returncode, done.stderr.count("\n")) == (10, 1)


def test_people_get_tables_of_tests(centre, gate):
    gate.send(self_test(1))
    gate.receipt()
    assert self_test(1).id in centre.call("list").stdout
    gate.send(report(2, self_test(1).id))
    gate.receipt()
    centre.json("window", "open", "--gate", "gate-1", "--by", "Li")
    start = (datetime.now() + timedelta(days=30)).isoformat()  # local time, as people give it
    drill = centre.json("drill", "book", "--gate", "gate-1", "--start", start, "--by", "Li", "--minutes", "5")
    for words in (
        ["tests", "--links"],
        ["window", "list"],
        ["drill", "list"],
        ["drill", "show", drill["id"]],
        ["list"],
    ):
        done = centre.call(*words)
        assert (done.returncode, str(ADDRESS) in done.stdout) == (0, True), done.stderr
