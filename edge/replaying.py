"""What the drivers make of a captured bus session, word by word and reading by reading, and in all.

The very drivers of the gate read from the capture; nothing is judged here a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from edge.drivers.capture import ReplayBus, Transfer
from edge.drivers.clock import FixedClock
from edge.drivers.mlx90614 import Mlx90614
from edge.drivers.thermopile import Thermopile
from edge.drivers.tmp117 import Tmp117
from edge.events import ClockRead, Fact
from edge.infrared_words import AMBIENT, LEGAL, OBJECT, celsius_of
from edge.measuring import SkinMissed, SkinRead
from edge.ports import ReadingMissed
from edge.value import Value

REFERENCE_ADDRESSES = range(0x48, 0x4C)

_WHAT = {OBJECT: "object", AMBIENT: "own"}


class Word(Value, frozen=True):
    """One transfer. ``celsius`` where it was a good temperature word of the infrared sensor, else ``refused`` says why
    not; neither for the words of a reference, which has no checksum to judge one by."""

    at_us: int
    address: int
    what: str
    read: str | None
    celsius: float | None
    refused: str | None


class Total(Value, frozen=True):
    """The whole session. Celsius: lowest, median and highest of what the sensor saw, as far as it was believed."""

    words: int
    refused: Mapping[str, int]
    readings: int
    missed: Mapping[str, int]
    object_celsius: tuple[float, float, float] | None

    @property
    def word_error_share(self) -> float:
        """0 to 1."""
        return sum(self.refused.values()) / max(1, self.words)

    @property
    def reading_error_share(self) -> float:
        """0 to 1."""
        return sum(self.missed.values()) / max(1, self.readings)


class _Session:
    """One replay: the drivers, and everything that they said since last asked."""

    def __init__(self, transfers: Sequence[Transfer]) -> None:
        addresses = {transfer.address: None for transfer in transfers}
        infrared = next((one for one in addresses if one not in REFERENCE_ADDRESSES), 0)
        reference = next((one for one in addresses if one in REFERENCE_ADDRESSES), None)
        self.said: list[Word | Fact] = []
        self.ended = False
        self._clock = FixedClock()
        self._bus = bus = ReplayBus(transfers, self._transferred)
        self._hand = Thermopile(
            bus,
            Mlx90614(bus, infrared, self._clock),
            None if reference is None else Tmp117(bus, reference, self._clock),
            self._clock,
            self._post,
            lambda _: None,  # what is tried again stands in the words
        )

    def measure(self) -> Sequence[Word | Fact]:
        """One reading, with the words it was made of."""
        self.said = []
        next_us = self._bus.next_us()
        if next_us is None:
            self.ended = True
        else:
            self._stand_at(next_us)
            self._hand.measure()
        return self.said

    def _stand_at(self, at_us: int) -> None:
        self._clock.set(ClockRead(at_us // 1_000, 0, None))

    def _transferred(self, transfer: Transfer) -> None:
        self._stand_at(transfer.at_us + transfer.took_us)
        self.said.append(judged(transfer))

    def _post(self, fact: Fact) -> None:
        if isinstance(fact, SkinMissed) and fact.reason == "capture_ended":
            self.ended = True
        else:
            self.said.append(fact)


def replay(transfers: Sequence[Transfer]) -> Iterator[Word | Fact | Total]:
    """Every word, each reading after its words, the total at the end."""
    session = _Session(transfers)
    refused: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    words, seen = 0, []
    while not session.ended:
        for one in session.measure():
            if isinstance(one, Word):
                words += 1
                refused.update([one.refused] if one.refused else [])
            elif isinstance(one, SkinMissed):
                missed[one.reason] += 1
            elif isinstance(one, SkinRead):
                seen.append(one.object_celsius)
            yield one
    span = (min(seen), median(seen), max(seen)) if seen else None
    yield Total(words, refused, len(seen) + missed.total(), missed, span)


def judged(transfer: Transfer) -> Word:
    """One transfer, as the infrared sensor's checks see it."""
    opcode = int(transfer.written, 16)
    what = _WHAT.get(opcode, transfer.written) if transfer.address not in REFERENCE_ADDRESSES else "reference"
    celsius, refused = None, transfer.reason
    if transfer.read is None:
        refused = refused or "bus_error"
    elif transfer.address not in REFERENCE_ADDRESSES and opcode in LEGAL:
        try:
            celsius = celsius_of(transfer.address, opcode, bytes.fromhex(transfer.read))
        except ReadingMissed as missed:
            refused = missed.reason
    return Word(transfer.at_us, transfer.address, what, transfer.read, celsius, refused)
