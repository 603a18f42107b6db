"""A press of the real line reaches the centre: kernel, lgpio, gpiozero, daemon, card, network card, TLS, broker."""

from __future__ import annotations

import statistics

import pytest

from tests.machine.gate import KEY, STATUS_LAMP, HostClock, VirtualGate, quantile
from tests.process.centre import is_press

pytestmark = pytest.mark.machine

PRESSES = 1_000
ROUNDING_MS = 2
STOPS = 5
CONFIRM_MS = 10
"""``button.confirm_ms``, unless the settings say otherwise."""

LATE_SHARE_MAX = 0.02


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


@pytest.mark.long
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
        f"{PRESSES} presses: press to centre median {statistics.median(late):.0f} ms,"
        f" 99% {quantile(late, 0.99):.0f} ms, most {late[-1]:.0f} ms"
        f" (clocks agree to {done['host_ahead_ms_error']:.1f} ms);"
        f" edge to daemon median {statistics.median(dated):.1f} ms, most {max(dated):.1f} ms"
    )
    assert min(dated) > -ROUNDING_MS


def test_pulses_of_5_ms_are_no_presses(gate: VirtualGate) -> None:
    """An emulated processor often hears of a pulse's end more than 5 ms late; the kernel's date says when it was."""
    gate.start()
    pulses = gate.press(300, 5, (150, 250), seed=11, seconds=300)["presses"]
    ((last_ms, _),) = gate.press(hold_ms=120, pauses_ms=(300, 300))["presses"]
    arrived = gate.centre.wait_for(
        lambda rows: any(row["event"]["monotonic_ms"] >= last_ms - ROUNDING_MS for row in rows if is_press(row))
    )
    moments = [row["event"]["monotonic_ms"] for row in arrived if is_press(row)]
    # Some pulses become longer than was asked, where the processor is busy elsewhere. It says which were.
    short = [closed for closed, held in pulses if held < CONFIRM_MS - ROUNDING_MS]
    taken = [closed for closed in short if any(abs(moment - closed) < 10 for moment in moments)]
    print(  # noqa: T201
        f"{len(short)} of {len(pulses)} pulses were shorter than {CONFIRM_MS - ROUNDING_MS} ms, median"
        f" {statistics.median(held for _, held in pulses):.1f} ms; {len(taken)} of them taken for a press,"
        f" {len(moments) - 1 - len(taken)} of the longer ones"
    )
    assert len(short) > len(pulses) / 10, "this machine is too busy to make short pulses"
    # What nobody could look at in time is in doubt, and a press.
    assert len(taken) <= LATE_SHARE_MAX * len(short)


def test_a_press_while_the_daemon_is_stopped_for_a_moment_is_heard_once_when_it_goes_on(gate: VirtualGate) -> None:
    """As a process is that the kernel leaves waiting: its callbacks come late, and all at once."""
    gate.start()
    wire = f"/run/gpio/sim_gpio{KEY}/pull"
    for count in range(1, STOPS + 1):
        gate.machine.run(
            f"kill -STOP {gate.process()}; echo pull-down >{wire}; sleep 0.06; echo pull-up >{wire}; sleep 0.2;"
            f" kill -CONT {gate.process()}"
        )
        gate.wait_for(lambda view, count=count: view["incident"]["presses"] == count)
    assert len(gate.wait_presses(STOPS)) == STOPS
