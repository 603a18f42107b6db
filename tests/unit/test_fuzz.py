"""No bytes from outside crash a parser, or hold it up: named traps, and whatever Hypothesis makes of good messages."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.requests import VIEW_SOCKET
from fuzzing.hostile import HOSTILE
from fuzzing.targets import TARGETS, Target, feed
from tests.unit.small_gate import ShortDirectory, SmallGate

ROOT = Path(__file__).parents[2]
SLOW_MS = 50
EXAMPLES = 20
"""A few, for the seconds that everybody waits; scripts/fuzz makes millions."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def spent_ms(target: Target, content: bytes) -> float:
    """The processor's time, which other work on the machine does not lengthen much; the best of three where long."""
    best = float("inf")
    for _ in range(3):
        began = time.process_time_ns()
        feed(target, content)
        best = min(best, (time.process_time_ns() - began) / 1e6)
        if best <= SLOW_MS:
            break
    return best


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_or_refuses_every_named_trap_within_50_ms(name: str) -> None:
    slow = {}
    for trap, content in HOSTILE.items():
        try:
            took_ms = spent_ms(TARGETS[name], content)
        except Exception as error:
            raise AssertionError(f"{trap}: {type(error).__name__}: {error}") from error
        if took_ms > SLOW_MS:
            slow[trap] = round(took_ms)
    assert slow == {}


@pytest.mark.parametrize("name", TARGETS)
def test_each_parser_is_fed_something_that_it_can_read(name: str) -> None:
    if name not in ("ledger.entry_of", "public keys"):  # what they read is signed or hashed: their own tests have it
        TARGETS[name].parse(TARGETS[name].good)


@pytest.mark.parametrize("name", TARGETS)
def test_no_change_of_a_good_message_crashes_its_parser(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def changed(data: st.DataObject) -> None:
        content = bytearray(target.good)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content)))
            content[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=12))
        feed(target, bytes(content))

    changed()


@pytest.mark.parametrize("name", TARGETS)
def test_no_json_of_other_kinds_crashes_a_parser(name: str) -> None:
    target = TARGETS[name]
    try:
        fields = list(json.loads(target.good))
    except ValueError:
        fields = ["a"]

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(fields) | st.text(max_size=8), JSON, max_size=8) | JSON)
    def other(value: object) -> None:
        feed(target, json.dumps(value).encode())

    other()


@pytest.mark.long
def test_five_million_inputs_of_a_coverage_guided_fuzzer_find_nothing() -> None:
    done = subprocess.run([ROOT / "scripts" / "fuzz"], capture_output=True, text=True, check=False)
    if "SKIPPED" in done.stdout:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]


def test_every_trap_at_the_local_socket_gets_an_answer_or_a_closed_door_and_the_next_visitor_is_served() -> None:
    place = ShortDirectory()
    gate = SmallGate(place.path)
    try:
        for trap, content in HOSTILE.items():
            if not content.strip():
                continue  # an empty line asks for nothing
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
                visitor.settimeout(30)
                visitor.connect(str(place.path / VIEW_SOCKET))
                visitor.sendall(content.replace(b"\n", b" ") + b"\n")
                with visitor.makefile("rb") as answers:
                    line = answers.readline()
            assert not line or not json.loads(line)["ok"], trap
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
            visitor.settimeout(30)
            visitor.connect(str(place.path / VIEW_SOCKET))
            visitor.sendall(b'{"ask":"status"}\n')
            with visitor.makefile("rb") as answers:
                assert json.loads(answers.readline())["ok"]
    finally:
        gate.close()
        place.close()
