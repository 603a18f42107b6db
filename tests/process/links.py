"""A PahoLink with all it needs, for tests against brokers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from edge import wire
from edge.drivers.clock import SystemClock
from edge.drivers.mqtt import PahoLink
from edge.events import (
    Boot,
    ClockQuality,
    Code,
    EventId,
    Fact,
    Lane,
    LinkDown,
    LinkUp,
    Origin,
    Publish,
    PublishHealth,
    Qualifier,
    Record,
    Topic,
    WallStamp,
)
from edge.ports import Clock
from edge.settings import BrokerSettings, ClockSettings
from edge.trust import Trust
from tests.process.brokers import Inbox

ADDRESS = wire.Address("xihu", "school-3", "north")
BOOT = Boot("00112233445566aa", 7, "kernel-boot")
STAMP = WallStamp(1_750_000_000_000, ClockQuality.SYNCED, 20)


def press(counter: int, broker: int = 0, lane: Lane = Lane.ALARM) -> Publish:
    """The command to publish one press."""
    id = EventId(BOOT.id, counter)
    topic = Topic.ALARM if lane is Lane.ALARM else Topic.LOG
    record = Record(id, BOOT.counter, BOOT.kernel_boot, 1000 + counter, STAMP, Origin.PERSON, lane, topic,
                    Code.SILENT_PANIC, Qualifier.NEW, id, {})  # fmt: skip
    return Publish(broker, record, STAMP, replayed=False, age_ms=None)


def probe(broker: int = 0) -> PublishHealth:
    """The command to publish a probe."""
    return PublishHealth(broker, probe=True, health={})


def receipt(counter: int = 1, stage: str = "received") -> bytes:
    """A receipt for a press of this boot."""
    return wire.encode(wire.Receipt(wire.SCHEMA, f"{BOOT.id}-{counter}", stage, "centre", None))


class LinkUnderTest:
    """A link to 127.0.0.1, its inbox, and a worker thread for its background."""

    def __init__(
        self, port: int, *, number: int = 0, trust: Trust | None = None, clock: Clock | None = None, **settings: object
    ) -> None:
        given = {"name": "bench", "host": "127.0.0.1", "port": port, "tls": False, **settings}
        self.settings = BrokerSettings(**given)  # type: ignore[arg-type]
        self.inbox = Inbox()
        self.poster: Callable[[Fact], None] = self.inbox.post
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="link")
        self.link = PahoLink(
            number,
            self.settings,
            ADDRESS,
            BOOT,
            clock or SystemClock(ClockSettings()),
            lambda fact: self.poster(fact),
            self._run,
            trust or Trust(),
        )

    def __enter__(self) -> LinkUnderTest:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()
        self._worker.shutdown()

    def up(self, *, mqtt5: bool = True, count: int = 1) -> LinkUp:
        """Dial and wait until the connection stands."""
        self.link.connect(mqtt5)
        return self.inbox.wait_for(LinkUp, count)[-1]

    def refused(self, *, mqtt5: bool = True) -> LinkDown:
        """Dial and wait until told that it failed; exactly one answer must come."""
        self.link.connect(mqtt5)
        down = self.inbox.wait_for(LinkDown)[0]
        self.settle()
        assert self.inbox.all_of(LinkDown) == [down]
        assert self.inbox.all_of(LinkUp) == []
        return down

    def settle(self) -> None:
        """Wait until the background has nothing left to do."""
        self._worker.submit(lambda: None).result(30)

    def hold(self) -> Callable[[], None]:
        """Let nothing happen in the background until the returned function is called."""
        gate = threading.Event()
        self._worker.submit(gate.wait)
        return gate.set

    def _run(self, job: Callable[[], None]) -> None:
        self._worker.submit(job)
