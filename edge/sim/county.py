"""Two thousand gates that come back at once: when each one dials, by the gates' own code, and what the broker sees.

Nothing here is a gate's card or button: of each gate there are only its links (``edge.links``). The broker takes every
connection that it is offered, after a short while; how many it is offered is what is judged.
"""

from __future__ import annotations

import heapq
from enum import Enum
from random import Random

from edge import links
from edge.events import Acked, Connect, Disconnect, LinkDown, LinkUp, Ticked
from edge.links import Beat, LinkRules, Links
from edge.value import Value

SECOND_MS = 1_000
REFUSED_MS = (1, 200)
"""A dial to a machine that is up and a broker that is not."""

TIMED_OUT_MS = 10_000
"""A dial into a dead network (``broker.connect_s_max``)."""

CONNECTED_MS = (20, 600)
"""A dial that succeeds: TCP, TLS, CONNECT and SUBSCRIBE over a slow line."""

ANSWER_MS = (5, 300)
END_MS = 240_000


class Outage(Enum):
    """What the county has lost. In the first two every gate knows at once, in the third it must find out."""

    BROKER_RESTARTS = "the broker restarts: gone for 2 s"
    BROKER_AWAY = "the broker is away for 3 min"
    NETWORK = "the network is dead for 3 min, and nobody is told"
    POWER = "the power comes back everywhere"


class Return(Value, frozen=True):
    """How the county came back: the most connections in any second, and how long until the last gate was connected.

    ``alarm_ms_max``: the slowest of the gates that had an alarm to send. Milliseconds from the end of the outage.
    """

    peak: int
    all_back_ms: int
    alarm_ms_max: int
    dials: int


class County:
    """One outage from its seed. ``gates`` of them, of which ``pressed`` have an alarm when it ends."""

    def __init__(self, outage: Outage, seed: int, gates: int = 2_000, pressed: int = 20) -> None:
        self._random = Random(seed)
        self._outage = outage
        self._ends_ms = {Outage.BROKER_RESTARTS: 2_000, Outage.POWER: 0}.get(outage, 180_000)
        self._queue: list[tuple[int, int, int, object]] = []
        self._order = 0
        self._connected: dict[int, int] = {}
        self._offered: list[int] = []
        self._dials = 0
        power = outage is Outage.POWER
        self._gates: list[Links] = []
        self._planned: list[int] = [-1] * gates
        for number in range(gates):
            rules = LinkRules(jitter_seed=self._random.getrandbits(64), spread_start=power)
            # Kernels take their time to start, and each daemon's clock begins with its kernel: here all run on one.
            begin_ms = self._random.randint(0, 8_000) if power else 0
            self._gates.append(links.begin(rules, begin_ms))
            self._tell(begin_ms, number, Ticked(begin_ms))
        self._urgent: set[int] = set()
        self._pressed = set(self._random.sample(range(gates), pressed))
        for number in sorted(self._pressed):
            # During the outage; or, where there is hardly any, in the first seconds after it.
            self._tell(self._random.randint(0, max(self._ends_ms, 8_000)), number, None)

    def run(self) -> Return:
        """Until every gate is connected, or END_MS after the outage."""
        if self._outage is not Outage.POWER:
            for number in range(len(self._gates)):
                self._gates[number], _ = links.step(self._gates[number], Ticked(0))
                self._gates[number], _ = links.step(self._gates[number], LinkUp(0, True, 0))
                if self._outage is not Outage.NETWORK:
                    self._tell(0, number, LinkDown(0, "the broker hung up", False, 0))
        while self._queue:
            at_ms, _, number, news = heapq.heappop(self._queue)
            if at_ms > self._ends_ms + END_MS:
                break
            self._take(at_ms, number, news)
        late = [moment for number, moment in self._connected.items() if number in self._pressed]
        everybody = len(self._connected) == len(self._gates)
        return Return(
            _peak(self._offered),
            max(self._connected.values()) - self._ends_ms if everybody else END_MS,
            max(late, default=END_MS) - self._ends_ms,
            self._dials,
        )

    def _take(self, at_ms: int, number: int, news: object) -> None:
        gate = self._gates[number]
        if news is None:
            self._urgent.add(number)
            said: tuple[links.Outcome, ...] = ()
        else:
            assert isinstance(news, Acked | LinkUp | LinkDown | Ticked)
            if isinstance(news, Ticked) and links.wake_at(gate) > at_ms:
                self._wake(number, at_ms)
                return
            gate, said = links.step(gate, news)
            if isinstance(news, LinkUp):
                self._connected.setdefault(number, at_ms)
        if number in self._urgent and number not in self._connected:
            gate = links.hurry(gate, at_ms, waits=True)  # as the core does while an alarm is owed
        self._gates[number] = gate
        for one in said:
            self._obey(at_ms, number, one)
        self._wake(number, at_ms)

    def _obey(self, at_ms: int, number: int, said: object) -> None:
        over = at_ms >= self._ends_ms
        match said:
            case Connect():
                self._dials += 1
                if over:
                    self._offered.append(at_ms)
                    moment = at_ms + self._random.randint(*CONNECTED_MS)
                    self._tell(moment, number, LinkUp(0, True, moment))
                else:
                    dead = self._outage is Outage.NETWORK
                    moment = at_ms + (TIMED_OUT_MS if dead else self._random.randint(*REFUSED_MS))
                    self._tell(moment, number, LinkDown(0, "nobody answers", False, moment))
            case Disconnect():
                self._tell(at_ms, number, LinkDown(0, "no acknowledgement", False, at_ms))
            case Beat():
                self._gates[number] = links.spoken(self._gates[number], 0, at_ms)
                if over:
                    moment = at_ms + self._random.randint(*ANSWER_MS)
                    self._tell(moment, number, Acked(0, None, 0, moment))

    def _wake(self, number: int, at_ms: int) -> None:
        """One Ticked for each gate, at the moment that it asks for; none once it is back for good."""
        moment = max(at_ms, links.wake_at(self._gates[number]))
        back = number in self._connected and moment > self._ends_ms
        if not back and self._planned[number] != moment:
            self._planned[number] = moment
            self._tell(moment, number, Ticked(moment))

    def _tell(self, at_ms: int, number: int, news: object) -> None:
        self._order += 1
        heapq.heappush(self._queue, (at_ms, self._order, number, news))


def _peak(moments: list[int]) -> int:
    """The most of these moments that lie within one second, wherever it begins."""
    ordered, first, most = sorted(moments), 0, 0
    for last, moment in enumerate(ordered):
        while ordered[first] <= moment - SECOND_MS:
            first += 1
        most = max(most, last - first + 1)
    return most
