"""The broker is killed again and again as a county may run it: what it acknowledged and forgot arrives all the same.

mosquitto's default persistence writes its memory down each half hour and at an orderly end. What it acknowledged since
then is gone with it. It does remember the centre's subscription, so it takes alarms for a centre that is away: every
other of its lives is spent without one.
"""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from tests.process.brokers import Mosquitto
from tests.process.centre import CentreProcess
from tests.process.gate import GateProcess
from tests.process.storm import SteadyGuard, Teller, matched, wait_for_calm
from tests.process.waiting import until

pytestmark = pytest.mark.process

GATES = ("north", "south", "west")
LATER_S_MAX = 0.2
AWAY_S_MAX = 0.2

FROM_GATE = re.compile(r"Received PUBLISH from (\S+) \(d\d, q1, r0, m(\d+), '[^']+/alarm'")
THANKS = re.compile(r"Sending PUBACK to (\S+) \(m(\d+), rc0\)")
TO_CENTRE = re.compile(r"Sending PUBLISH to gatepost-centre-\S+ \(d0, q1, r\d, m\d+, '[^']+/alarm'")


class Diary:
    """What the broker said it did with alarms, read from its log, one life after another."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self._read = 0
        self.begin()

    def begin(self) -> None:
        """A new life; what is in the log so far belongs to earlier ones."""
        self._read = self._broker.log_file.stat().st_size
        self._coming: set[tuple[str, str]] = set()
        self.acknowledged = self.passed_on = 0

    def look(self) -> int:
        """Read on; how many alarms it has acknowledged in this life."""
        with self._broker.log_file.open("rb") as log:
            log.seek(self._read)
            lines = log.read().rpartition(b"\n")[0]
        self._read += len(lines)
        for line in lines.decode(errors="replace").splitlines():
            if came := FROM_GATE.search(line):
                self._coming.add((came[1], came[2]))
            elif (thanked := THANKS.search(line)) and (thanked[1], thanked[2]) in self._coming:
                self._coming.discard((thanked[1], thanked[2]))
                self.acknowledged += 1
            elif TO_CENTRE.search(line):
                self.passed_on += 1
        return self.acknowledged


class Killer(Teller):
    """Kills the broker ``kills`` times, each time a moment after it acknowledged an alarm, and starts it again."""

    def __init__(self, broker: Mosquitto, centre: CentreProcess, kills: int) -> None:
        super().__init__("killer")
        self.forgotten = 0
        self._broker = broker
        self._centre = centre
        self._kills = kills
        self._random = random.Random(kills)

    def work(self) -> None:
        diary = Diary(self._broker)
        for number in range(self._kills):
            until(diary.look)
            time.sleep(self._random.uniform(0, LATER_S_MAX))
            self._broker.kill()
            diary.look()
            self.forgotten += max(0, diary.acknowledged - diary.passed_on)
            (self._centre.thaw if number % 2 else self._centre.freeze)()
            time.sleep(self._random.uniform(0, AWAY_S_MAX))
            diary.begin()
            self._broker.start()
        self._centre.thaw()


@pytest.mark.parametrize(
    ("kills", "presses"),
    [pytest.param(5, 50, marks=pytest.mark.slow), pytest.param(100, 1_000, marks=pytest.mark.long)],
)
def test_a_broker_that_is_killed_and_forgets_what_it_acknowledged_costs_no_press_and_doubles_none(
    tmp_path: Path, kills: int, presses: int
) -> None:
    lines = ["persistence true", f"persistence_location {tmp_path}/"]
    gates = GATES if presses > 100 else GATES[:2]
    with Mosquitto(tmp_path / "b", lines) as broker, CentreProcess(tmp_path / "c", broker.port) as centre:
        broker.restart()  # it now has the centre's subscription on its disk, and nothing after it
        running = [GateProcess(tmp_path / gate[0], broker.port, name=gate) for gate in gates]
        guards = [SteadyGuard(gate, -(-presses // len(gates)), "kills") for gate in running]
        killer = Killer(broker, centre, kills)
        try:
            for thread in (*guards, killer):
                thread.start()
            killer.finish(400)
            for guard in guards:
                guard.finish(240)
            wait_for_calm(guards)
            rows = centre.events()
        finally:
            for gate in running:
                gate.close()
    pairs = [pair for guard in guards for pair in matched(guard, rows)]
    assert len(pairs) >= presses
    again = sum(row["arrivals"] > 1 for row in rows)
    print(f"{kills} kills, {len(pairs)} presses, {killer.forgotten} forgotten, {again} came again")  # noqa: T201
    assert killer.forgotten > 0, "a broker that forgets nothing shows nothing"
