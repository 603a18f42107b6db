"""The whole daemon on simulated wires that a test moves one by one: the button's contacts, reset key, siren, lamps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockPin

from tests.process.bench_gate import KEY, KEY_NC, RESET, SUPERVISED, BenchGate
from tests.process.brokers import Listener, Mosquitto, SilentBroker
from tests.process.centre import CentreProcess
from tests.process.gate import troubles
from tests.process.waiting import until

pytestmark = pytest.mark.process

TOLD_WITHIN_MS = 1_000
"""The issue's figure for a cut or shorted cable."""

STATUS_GPIO, FAULT_GPIO, SIREN_GPIO = 22, 23, 24
AUDIBLE = {"relay_gpio": SIREN_GPIO, "mode": "audible", "sound_s_max": 1}


class HeldDown(MockPin):  # type: ignore[misc]
    """A line that a finger holds to ground: the pull-up cannot lift it."""

    def drive_high(self) -> None:
        """Pulled up in vain."""


def hold_down(gate: BenchGate, gpio: int) -> Any:
    """Put a finger on the button of a gate that is still off."""
    pin = gate.pin(gpio)
    pin.drive_low()
    pin.__class__ = HeldDown
    return pin


def let_go(pin: Any) -> None:
    """Take the finger away."""
    pin.__class__ = MockPin
    pin.drive_high()


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[BenchGate]:
    with BenchGate(tmp_path, button=SUPERVISED) as running:
        yield running


# --- the first moment -------------------------------------------------------------------------------------------


def test_a_press_is_kept_though_the_gate_is_stopped_before_its_store_is_there(tmp_path: Path) -> None:
    """A guard presses while the service starts, and somebody restarts it that very moment."""
    gate = BenchGate(tmp_path)
    gate.begin()
    finger = hold_down(gate, 17)
    daemon, gate.daemon = gate.running, None
    daemon.stop()
    daemon.start()
    daemon.run()
    daemon.close()
    assert daemon.brain.state.alarm.presses == 1
    let_go(finger)
    with gate:
        assert gate.wait_for(lambda view: view["incident"]["ids"])["incident"]["presses"] == 1


# --- the button's two contacts ----------------------------------------------------------------------------------


def test_a_supervised_button_at_rest_is_no_trouble(supervised: BenchGate) -> None:
    begun_ms = supervised.now_ms()
    supervised.wait_for(lambda _: supervised.now_ms() > begun_ms + TOLD_WITHIN_MS)
    assert troubles(supervised.view()) == set()
    assert supervised.view()["contacts"]["key_nc_closed"] is True


@pytest.mark.parametrize(("closed", "trouble"), [(False, "loop_open"), (True, "loop_short")])
def test_a_cut_or_shorted_cable_is_told_within_a_second_and_so_is_its_repair(
    supervised: BenchGate, closed: bool, trouble: str
) -> None:
    """Both contacts open, or both closed: the key's for a short, the quiet one for a cut."""
    wire = KEY if closed else KEY_NC
    faulty_ms = supervised.now_ms()
    supervised.bench.set(wire, closed=closed)
    since_ms = until(lambda: supervised.trouble_since_ms(trouble), lambda since: since is not None)
    assert since_ms is not None
    assert since_ms - faulty_ms <= TOLD_WITHIN_MS
    assert supervised.view()["fault"]
    repaired_ms = supervised.now_ms()
    supervised.bench.set(wire, closed=not closed)
    supervised.wait_for(lambda view: trouble not in troubles(view))
    assert supervised.now_ms() - repaired_ms <= TOLD_WITHIN_MS
    supervised.wait_for(lambda view: not view["fault"])


def test_a_press_is_a_press_on_a_cut_cable_too(supervised: BenchGate) -> None:
    supervised.bench.set(KEY_NC, closed=False)
    supervised.wait_for(lambda view: "loop_open" in troubles(view))
    supervised.bench.set(KEY, closed=True)
    assert supervised.wait_stored()["incident"]["presses"] == 1


def test_a_press_of_a_supervised_button_is_no_trouble(supervised: BenchGate) -> None:
    supervised.bench.press(700)
    view = supervised.wait_stored()
    assert view["incident"]["presses"] == 1
    assert troubles(view) == set()


def test_trouble_of_the_wiring_and_its_restore_reach_the_centre(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "b") as broker,
        CentreProcess(tmp_path / "c", broker.port) as centre,
        BenchGate(tmp_path / "g", broker.port, button=SUPERVISED) as gate,
    ):
        gate.bench.set(KEY_NC, closed=False)
        assert centre.wait_trouble("loop_open")["event"]["code"] == 371
        gate.bench.set(KEY_NC, closed=True)
        centre.wait_trouble("loop_open", qualifier=3)


# --- a key that is down -----------------------------------------------------------------------------------------


def test_a_key_held_at_start_up_is_a_press(tmp_path: Path) -> None:
    gate = BenchGate(tmp_path)
    gate.begin()
    finger = hold_down(gate, 17)
    try:
        gate.start()
        view = gate.wait_stored()
        assert view["incident"]["presses"] == 1
        let_go(finger)
        gate.wait_for(lambda view: not view["contacts"]["key_closed"])
        assert gate.view()["incident"]["presses"] == 1, "letting go is not another"
    finally:
        gate.end()


def test_a_stuck_key_is_trouble_and_the_next_press_after_it_lets_go_counts(tmp_path: Path) -> None:
    with BenchGate(tmp_path, button={"stuck_s": 5}) as gate:
        gate.bench.set(KEY, closed=True)
        assert gate.wait_stored()["incident"]["presses"] == 1
        assert "key_stuck" not in troubles(gate.view())
        gate.wait_for(lambda view: "key_stuck" in troubles(view))
        assert gate.view()["incident"]["presses"] == 1
        gate.bench.set(KEY, closed=False)
        gate.wait_for(lambda view: "key_stuck" not in troubles(view))
        gate.bench.press(100)
        gate.wait_for(lambda view: view["incident"]["presses"] == 2)


# --- the reset key ----------------------------------------------------------------------------------------------


def test_the_reset_key_ends_the_incident_and_the_centre_hears_who_did(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "b") as broker,
        CentreProcess(tmp_path / "c", broker.port) as centre,
        BenchGate(tmp_path / "g", broker.port, reset={"key_gpio": 5}) as gate,
    ):
        gate.bench.press(100)
        id = gate.wait_for(lambda view: view["lamp"] == "received")["incident"]["ids"][0]
        gate.bench.set(RESET, closed=True)
        gate.wait_for(lambda view: view["incident"]["ids"] == [] and view["lamp"] == "ready")
        gate.bench.set(RESET, closed=False)
        rows = centre.wait_for(lambda rows: any(row["event"]["code"] == 465 for row in rows))
        reset = next(row["event"] for row in rows if row["event"]["code"] == 465)
        assert (reset["incident"], reset["qualifier"]) == (id, 3)
        assert (reset["body"]["by"], reset["body"]["means"]) == ("reset key", "key")


def test_a_reset_key_that_is_held_does_not_keep_a_press_away(tmp_path: Path) -> None:
    """The panic input cannot be disarmed."""
    with BenchGate(tmp_path, reset={"key_gpio": 5}) as gate:
        gate.bench.set(RESET, closed=True)
        gate.wait_for(lambda view: view["contacts"]["reset_closed"])
        gate.bench.press(100)
        view = gate.wait_stored()
        assert view["incident"]["presses"] == 1
        assert view["incident"]["ids"]


# --- the siren --------------------------------------------------------------------------------------------------


def test_an_audible_siren_sounds_at_once_stops_at_its_limit_and_the_incident_stays(tmp_path: Path) -> None:
    with BenchGate(tmp_path, siren=AUDIBLE) as gate:
        siren = gate.pin(SIREN_GPIO)
        assert not siren.state
        gate.bench.press(100)
        until(lambda: bool(siren.state))
        pressed_ms = gate.running.brain.state.alarm.track.pressed_ms  # type: ignore[union-attr]
        until(lambda: not siren.state)
        assert gate.now_ms() - pressed_ms >= 1_000, "not a moment shorter than it should"
        assert gate.view()["incident"]["ids"]
        gate.bench.press(100)
        gate.wait_for(lambda view: view["incident"]["presses"] == 2)
        assert not siren.state, "a second press joins the incident; its siren has had its time"


def test_a_siren_is_silent_unless_made_audible(tmp_path: Path) -> None:
    with BenchGate(tmp_path, siren={"relay_gpio": SIREN_GPIO}) as gate:
        gate.bench.press(100)
        gate.wait_stored()
        assert [bool(one.state) for one in gate.pin(SIREN_GPIO).states].count(True) == 0


def test_a_siren_in_mid_alarm_sounds_again_after_a_restart_and_still_stops(tmp_path: Path) -> None:
    with BenchGate(tmp_path, siren={**AUDIBLE, "sound_s_max": 4}) as gate:
        gate.bench.press(100)
        until(lambda: bool(gate.pin(SIREN_GPIO).state))
        gate.wait_stored()
        pressed_ms = gate.running.brain.state.alarm.track.pressed_ms  # type: ignore[union-attr]
        gate.restart()
        siren = gate.pin(SIREN_GPIO)
        until(lambda: bool(siren.state))
        assert gate.now_ms() < pressed_ms + 4_000, "this machine was too slow for the test"
        until(lambda: not siren.state)
        assert gate.view()["incident"]["ids"]


def test_the_reset_key_stops_the_siren(tmp_path: Path) -> None:
    with BenchGate(tmp_path, siren={**AUDIBLE, "sound_s_max": 600}, reset={"key_gpio": 5}) as gate:
        gate.bench.press(100)
        until(lambda: bool(gate.pin(SIREN_GPIO).state))
        gate.bench.set(RESET, closed=True)
        until(lambda: not gate.pin(SIREN_GPIO).state)


# --- the lamps --------------------------------------------------------------------------------------------------


def test_the_lamps_pins_really_move(tmp_path: Path) -> None:
    """Ready and the way to the centre blink, received is steady; the fault lamp is dark until something is wrong."""
    with (
        Mosquitto(tmp_path / "b") as broker,
        Listener(broker.port, "gate/#"),
        BenchGate(tmp_path / "g", broker.port, button=SUPERVISED) as gate,
    ):
        lamp, fault = gate.pin(STATUS_GPIO), gate.pin(FAULT_GPIO)
        changes(lamp, 3)
        assert not any(one.state for one in fault.states)
        gate.bench.press(100)
        gate.wait_for(lambda view: view["lamp"] == "at_broker")
        changes(lamp, 4)
        with CentreProcess(tmp_path / "c", broker.port):
            gate.wait_for(lambda view: view["lamp"] == "received")
            until(lambda: bool(lamp.state))
            lamp.clear_states()
            gate.bench.set(KEY_NC, closed=False)
            changes(fault, 4)
            assert lamp.state
            assert len(lamp.states) == 1, "steady"


def test_the_lamps_are_dark_when_the_daemon_has_ended(tmp_path: Path) -> None:
    with BenchGate(tmp_path) as gate:
        gate.bench.press(100)
        gate.wait_stored()
        lamp, fault = gate.pin(STATUS_GPIO), gate.pin(FAULT_GPIO)
        gate.end()
        assert lamp.function == "input" or not lamp.state
        assert fault.function == "input" or not fault.state


def test_the_lamps_are_dark_before_the_gate_says_goodbye_to_a_broker_that_may_be_slow(tmp_path: Path) -> None:
    """A lamp that blinks on says that the button works; for as long as a dead broker is waited for, it does not."""
    with SilentBroker() as broker:
        gate = BenchGate(tmp_path, broker.port)
        gate.begin()
        gate.start()
        gate.wait_for(lambda view: view["brokers"][0]["phase"] == "up")
        lamp = gate.pin(STATUS_GPIO)
        goodbyes = sum(topic.endswith("/status") for topic in broker.topics)
        ending = threading.Thread(target=gate.end)
        ending.start()
        until(lambda: sum(topic.endswith("/status") for topic in list(broker.topics)), lambda now: now > goodbyes)
        assert lamp.function == "input"
        ending.join()


def changes(pin: Any, count: int) -> None:
    """Wait until the pin has changed so often from now."""
    pin.clear_states()
    until(lambda: len(pin.states) - 1, lambda seen: seen >= count)
