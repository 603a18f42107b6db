"""An I2C bus with sensors on it that are not there: their register maps, and every fault a bus can have.

Another thread than the bus's may move temperatures and plan faults.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

from edge.infrared_words import AMBIENT, LEGAL, OBJECT, wire_of, word_of
from edge.ports import BusError

TMP117_TEMPERATURE, TMP117_DEVICE_ID, TMP117_IDENTITY = 0x00, 0x0F, 0x0117


class Fault(Enum):
    """What may become of a transfer."""

    SILENT = "nobody acknowledges: no power, a loose wire"
    DISTURBED = "one bit of the answer is flipped"
    DEAD = "the lines stay high: all ones"
    FLAGGED = "the infrared sensor sets its own error flag"
    HUNG = "the clock line is held low until the time-out"
    GONE = "the adapter is not there"


_ERRORS = {
    Fault.SILENT: ("no_answer", errno.EREMOTEIO),
    Fault.HUNG: ("bus_hung", errno.ETIMEDOUT),
    Fault.GONE: ("bus_gone", errno.ENODEV),
}


class SimulatedBus:
    """A bus whose sensors say what they are told to, and which fails when it is told to.

    ``wait`` lets a number of milliseconds pass: ``time.sleep`` in a real thread, a step of the clock in virtual time.
    ``hang_ms`` is how long a hung transfer holds up its caller. A general call and unknown addresses find nobody.
    """

    def __init__(self, wait: Callable[[int], None] = lambda _ms: None, hang_ms: int = 1_000) -> None:
        self.hang_ms = hang_ms
        self.standing: Fault | None = None
        self.flipped_bit = 0
        self._wait = wait
        self._next: deque[Fault | None] = deque()
        self._answers: dict[int, Mapping[int, bytes]] = {}

    def put_infrared(self, address: int, object_celsius: float, ambient_celsius: float) -> None:
        """An MLX90614 at this address sees and is this warm from now on."""
        words = {OBJECT: word_of(object_celsius), AMBIENT: word_of(ambient_celsius)}
        self._answers[address] = {opcode: wire_of(address, opcode, word) for opcode, word in words.items()}

    def put_reference(self, address: int, celsius: float, identity: int = TMP117_IDENTITY) -> None:
        """A TMP117 at this address is this warm from now on."""
        self._answers[address] = {
            TMP117_TEMPERATURE: (round(celsius / 0.0078125) & 0xFFFF).to_bytes(2, "big"),
            TMP117_DEVICE_ID: identity.to_bytes(2, "big"),
        }

    def take_away(self, address: int) -> None:
        """Nobody at this address any more."""
        self._answers.pop(address, None)

    def plan(self, *faults: Fault | None) -> None:
        """What becomes of the next transfers, one each (None: nothing); then ``standing`` again."""
        self._next.extend(faults)

    def read(self, address: int, opcode: int, count: int) -> bytes:
        """What the sensor says, or what the fault makes of it. Raises BusError."""
        fault = self._next.popleft() if self._next else self.standing
        answer = self._answers.get(address, {}).get(opcode)
        if answer is None and fault is None:
            fault = Fault.SILENT
        if fault is Fault.HUNG:
            self._wait(self.hang_ms)
        if fault in _ERRORS:
            reason, number = _ERRORS[fault]
            raise BusError(reason, number, passing=fault is Fault.SILENT)
        said = (answer or b"")[:count].ljust(count, b"\xff")
        if fault is Fault.DISTURBED:
            flipped = int.from_bytes(said, "big") ^ 1 << self.flipped_bit
            return flipped.to_bytes(count, "big")
        if fault is Fault.DEAD:
            return b"\xff" * count
        if fault is Fault.FLAGGED and opcode in LEGAL:
            return wire_of(address, opcode, int.from_bytes(said[:2], "little") | 0x8000)
        return said

    def close(self) -> None:
        """Nothing to let go."""
