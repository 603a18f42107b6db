"""What runs inside the child processes. Python's own library alone: the bare script must stay bare."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

PATIENCE_S = 30.0
SCHOOL = "gate/bench/school"
TOPIC = f"{SCHOOL}/gate"
BARE_TOPIC = "bare/alarm"


def questions() -> Iterator[dict[str, Any]]:
    """In a child: what the parent asks, until it asks no more."""
    for line in sys.stdin:
        yield json.loads(line)


def answer(value: object) -> None:
    """In a child: answer the parent."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def press_often(pin: Any, count: int, seed: int, every_ms: tuple[int, int]) -> list[int]:
    """Press a mock pin from this thread; the monotonic nanoseconds right before each closing."""
    jitter = random.Random(seed)
    stamps: list[int] = []
    for _ in range(count):
        stamps.append(time.monotonic_ns())
        pin.drive_low()
        time.sleep(0.005)
        pin.drive_high()
        time.sleep(jitter.uniform(*every_ms) / 1000 - 0.005)
    return stamps
