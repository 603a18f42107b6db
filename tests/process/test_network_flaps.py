"""A bad network before real processes, by a proxy of the tests' own: dead lines are noticed and no press is lost.

The lines of the gates and of the centre are cut, hushed and forgotten (half-open: one end is gone and the other does
not know), while all that passes is late and a part of it is sent twice.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.events import LinkDown
from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.flaps import NOTICED_S_MAX, SHIPPED, Flapper, noticed_after_s
from tests.process.gate import QUICK, GateProcess
from tests.process.links import LinkUnderTest
from tests.process.proxy import FaultProxy
from tests.process.storm import SteadyGuard, matched, wait_for_calm
from tests.process.waiting import until

pytestmark = pytest.mark.process

NOISE_S = 3.0
LIVELY = {**QUICK, "probe_s": 2, "acknowledge_s_max": 2}
DELAY_S = 1.0
"""One way: two seconds there and back."""

LOSS = 0.3


def test_a_half_open_line_is_noticed_by_what_it_does_not_acknowledge_and_the_press_on_it_arrives(
    tmp_path: Path,
) -> None:
    with (
        Mosquitto(tmp_path / "b") as broker,
        CentreProcess(tmp_path / "c", broker.port) as centre,
        FaultProxy(broker.port) as proxy,
        GateProcess(tmp_path / "g", proxy.port, uplink=LIVELY) as gate,
    ):
        gate.wait_connected()
        proxy.forget()
        pressed_s = time.monotonic()
        gate.press_and_wait()
        assert gate.view()["lamp"] == "stored"
        view = gate.wait_lamp("received")
        assert time.monotonic() - pressed_s < LIVELY["probe_s"] + LIVELY["acknowledge_s_max"] + NOISE_S
        assert view["brokers"][0]["losses"] == 1
        assert len(centre.presses()) == 1


@pytest.mark.long
def test_a_half_open_line_is_noticed_within_30_s_by_the_settings_as_shipped(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "b") as broker,
        FaultProxy(broker.port) as proxy,
        GateProcess(tmp_path / "g", proxy.port, uplink=SHIPPED) as gate,
    ):
        took_s = []
        for pause_s in (0, 3, 6, 9):  # at different moments between two probes
            gate.wait_connected()
            time.sleep(pause_s)
            took_s.append(noticed_after_s(gate, proxy))
        print(f"noticed after {', '.join(f'{one:.1f}' for one in took_s)} s")  # noqa: T201
        assert max(took_s) < NOTICED_S_MAX


def test_login_and_subscription_have_their_time_each_where_every_answer_is_late(tmp_path: Path) -> None:
    """By one time for both a line of two seconds each way was never connected."""
    with Mosquitto(tmp_path / "b") as broker, FaultProxy(broker.port) as proxy:
        proxy.delay_s = 0.6
        with LinkUnderTest(proxy.port, connect_s_max=2) as link:
            link.up()
            assert link.inbox.all_of(LinkDown) == []


@pytest.mark.long
@pytest.mark.parametrize("one_way_s", [1.0, 2.0])
def test_a_slow_line_is_connected_and_brings_the_alarm_through_by_the_settings_as_shipped(
    tmp_path: Path, one_way_s: float
) -> None:
    """Login and subscription take a journey there and back each, and so do the press and its receipt."""
    with (
        Mosquitto(tmp_path / "b") as broker,
        CentreProcess(tmp_path / "c", broker.port) as centre,
        FaultProxy(broker.port) as proxy,
    ):
        proxy.delay_s = one_way_s
        with GateProcess(tmp_path / "g", proxy.port, uplink=SHIPPED) as gate:
            gate.wait_connected()
            gate.press_and_wait()
            view = gate.wait_lamp("received")
            assert view["brokers"][0]["losses"] == 0
            print(f"received after {view['last_press']['after_ms']['received']} ms")  # noqa: T201
            assert len(centre.presses()) == 1


class Flaps(NamedTuple):
    """How much of it, over lines of which one is the centre's and the others the gates'."""

    flaps: int
    presses: int
    gates: int
    delay_s: float
    pause_s: tuple[float, float]
    uplink: dict[str, int]
    centre: tuple[str, ...]


FEW = Flaps(9, 30, 2, delay_s=0.05, pause_s=(0.2, 0.6), uplink=LIVELY, centre=("cut", "hush"))
# The centre needs 22 s to notice a line that was forgotten: one and a half times its keep-alive.
MANY = Flaps(200, 1_000, 7, DELAY_S, pause_s=(3.0, 9.0), uplink=QUICK, centre=("cut", "hush", "cut", "hush", "forget"))


@pytest.mark.parametrize(
    "given",
    [pytest.param(FEW, id="few", marks=pytest.mark.slow), pytest.param(MANY, id="many", marks=pytest.mark.long)],
)
def test_no_press_is_lost_or_doubled_on_flapping_late_and_lossy_lines(tmp_path: Path, given: Flaps) -> None:
    with ExitStack() as open_things:
        broker = open_things.enter_context(Mosquitto(tmp_path / "b"))
        proxies = [open_things.enter_context(FaultProxy(broker.port, seed)) for seed in range(given.gates + 1)]
        centre = open_things.enter_context(CentreProcess(tmp_path / "c", proxies[0].port))
        gates = [
            GateProcess(tmp_path / f"gate-{number}", proxy.port, name=f"gate-{number}", uplink=given.uplink)
            for number, proxy in enumerate(proxies[1:])
        ]
        for gate in gates:
            open_things.callback(gate.close)
        for proxy in proxies:
            proxy.delay_s, proxy.loss = given.delay_s, LOSS
        each = -(-given.flaps // len(proxies))
        kinds = [given.centre, *[("cut", "hush", "forget")] * given.gates]
        flappers = [
            Flapper(proxy, kinds[number], each, given.pause_s, f"{number}") for number, proxy in enumerate(proxies)
        ]
        guards = [SteadyGuard(gate, -(-given.presses // len(gates)), "flaps") for gate in gates]
        for thread in guards:
            thread.start()
        until(lambda: all(guard.lives for guard in guards))
        for gate in gates:
            gate.wait_connected()  # else every flap may meet a dial, and no line was there to be lost
        for thread in flappers:
            thread.start()
        for thread in (*flappers, *guards):
            thread.finish(580)
        for proxy in proxies:
            proxy.delay_s = proxy.loss = 0.0
        wait_for_calm(guards)
        rows = centre.events()
        losses = [gate.view()["brokers"][0]["losses"] for gate in gates]
    pairs = [pair for guard in guards for pair in matched(guard, rows)]
    assert len(pairs) >= given.presses
    done = sum(flapper.done for flapper in flappers)
    again = sum(row["arrivals"] > 1 for row in rows)
    print(f"{done} flaps, {losses} losses, {len(pairs)} presses, {again} came again")  # noqa: T201
    assert all(losses), "a line that was never lost shows nothing"
