"""A bus session as a file: recorded at a gate, replayed at a desk.

One JSON object a line, one line a transfer: ``{"at_us": 1500, "took_us": 570, "address": 90, "written": "07",
"read": "d23a30"}``, or ``"errno": 110`` in place of ``"read"``. ``at_us`` counts from the start of the session.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from edge.ports import Bus, BusError

Hexadecimal = Annotated[str, Meta(pattern=r"^([0-9a-f]{2})*\Z")]
Microseconds = Annotated[int, Meta(ge=0)]


class Transfer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. Exactly one of ``read`` and ``errno`` is given; ``reason`` goes with ``errno``."""

    at_us: Microseconds
    took_us: Microseconds
    address: Annotated[int, Meta(ge=0, le=127)]
    written: Annotated[Hexadecimal, Meta(min_length=2, max_length=2)]
    read: Hexadecimal | None = None
    errno: int | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError unless it either answered or failed."""
        if (self.read is None) == (self.errno is None):
            raise ValueError("a transfer has either 'read' or 'errno'")


class CaptureEnded(BusError):
    """The captured session holds no further answer to this question."""

    def __init__(self) -> None:
        super().__init__("capture_ended", 0, passing=False)


def lines_of(text: str) -> Sequence[Transfer]:
    """A captured session; a last line that was cut off is left out.

    Raises ValueError, which names the line and what is wrong with it.
    """
    decoder = msgspec.json.Decoder(Transfer)
    transfers = []
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            transfers.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise ValueError(f"line {number} is not a transfer on a bus: {error}") from error
    return transfers


class RecordingBus:
    """Passes every transfer on to ``bus`` and tells ``keep`` of it. ``now_us``: monotonic microseconds."""

    def __init__(self, bus: Bus, now_us: Callable[[], int], keep: Callable[[Transfer], None]) -> None:
        self._bus = bus
        self._now_us = now_us
        self._keep = keep
        self._began_us = now_us()

    def read(self, address: int, opcode: int, count: int) -> bytes:
        """As the bus beneath, which is asked once."""
        at_us = self._now_us()
        written = f"{opcode:02x}"
        try:
            answer = self._bus.read(address, opcode, count)
        except BusError as error:
            took_us = self._now_us() - at_us
            self._keep(Transfer(at_us - self._began_us, took_us, address, written, None, error.number, error.reason))
            raise
        took_us = self._now_us() - at_us
        self._keep(Transfer(at_us - self._began_us, took_us, address, written, answer.hex()))
        return answer

    def close(self) -> None:
        """Close the bus beneath."""
        self._bus.close()


class ReplayBus:
    """The second implementation of a bus: gives each question its recorded answers, in their order.

    ``told`` hears of each transfer before its answer is given; whoever replays can move a clock by it.
    """

    def __init__(self, transfers: Iterable[Transfer], told: Callable[[Transfer], None] = lambda _: None) -> None:
        self._answers: dict[tuple[int, str], deque[Transfer]] = defaultdict(deque)
        for transfer in transfers:
            self._answers[transfer.address, transfer.written].append(transfer)
        self._told = told

    def next_us(self) -> int | None:
        """When the earliest transfer was that has not been asked for; None when all have been."""
        return min((answers[0].at_us for answers in self._answers.values() if answers), default=None)

    def read(self, address: int, opcode: int, count: int) -> bytes:
        """The next recorded answer. Raises BusError, also if its length is another; CaptureEnded after the last."""
        answers = self._answers[address, f"{opcode:02x}"]
        if not answers:
            raise CaptureEnded
        transfer = answers.popleft()
        self._told(transfer)
        if transfer.read is None:
            reason = transfer.reason or "bus_error"
            raise BusError(reason, transfer.errno or 0, passing=reason in ("no_answer", "bus_error"))
        answer = bytes.fromhex(transfer.read)
        if len(answer) != count:
            raise BusError("bus_error", 0, f"{len(answer)} bytes were recorded, {count} are asked for")
        return answer

    def close(self) -> None:
        """Nothing to let go."""
