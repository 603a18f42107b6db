"""A press of the real line reaches the centre: kernel, lgpio, gpiozero, daemon, card, network card, TLS, broker."""

from __future__ import annotations

import statistics

import pytest

from tests.machine.gate import KEY, STATUS_LAMP, HostClock, VirtualGate, quantile

pytestmark = pytest.mark.machine

PRESSES = 1_000


def test_a_press_of_the_kernels_line_is_received_by_the_centre_over_tls(gate: VirtualGate) -> None:
    gate.start()
    assert "bias=pull-up" in gate.machine.run(f"gpioinfo -c gpiochip0 {KEY}"), "an open contact would float"
    gate.press()
    (arrived,) = gate.wait_presses(1)
    assert (arrived["event"]["code"], arrived["event"]["origin"]) == (122, "person")
    view = gate.wait_lamp("received")
    print("after the press, in ms:", view["last_press"]["after_ms"])  # noqa: T201
    levels = [level for _, line, level in gate.lamps() if line == STATUS_LAMP]
    assert levels == [1], "received is a steady light"


def test_a_thousand_presses_at_random_moments_are_a_thousand_at_the_centre(gate: VirtualGate) -> None:
    gate.start()
    with HostClock() as clock:
        done = gate.press(PRESSES, 60, (90, 400), seed=7, clock=clock.port, seconds=1_500)
    arrived = gate.wait_presses(PRESSES, 300)
    assert len(arrived) == PRESSES
    events = sorted((row["event"] for row in arrived), key=lambda event: event["counter"])
    ahead_ms = done["host_ahead_ms"]
    late = sorted(row["received_wall_ms"] - ahead_ms - row["event"]["monotonic_ms"] for row in arrived)
    # The daemon's own date of each press is the moment at which the contact closed.
    dated = [event["monotonic_ms"] - closed for event, (closed, _) in zip(events, done["presses"], strict=True)]
    print(  # noqa: T201
        f"{PRESSES} presses: press to centre median {statistics.median(late):.0f} ms, 99% {quantile(late, 0.99):.0f} ms,"
        f" most {late[-1]:.0f} ms (clocks agree to {done['host_ahead_ms_error']:.1f} ms);"
        f" edge to daemon median {statistics.median(dated):.1f} ms, most {max(dated):.1f} ms"
    )
    assert min(dated) > -1


def test_pulses_of_5_ms_are_no_presses(gate: VirtualGate) -> None:
    gate.start()
    done = gate.press(300, 5, (70, 150), seed=11, seconds=300)
    short = [held for _, held in done["presses"] if held < 8]
    print(f"{len(short)} of {len(done['presses'])} pulses were shorter than 8 ms")  # noqa: T201
    assert len(short) > 200, "this machine was too busy to make short pulses"
    gate.press()
    arrived = gate.wait_presses(1)
    # What the emulated processor held for longer by accident may be a press; the machine says which those were.
    assert len(arrived) <= 1 + len(done["presses"]) - len(short)
