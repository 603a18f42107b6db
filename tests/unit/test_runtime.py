"""The brain's inbox: what is taken first, and what is carried out by whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from edge import contact, state
from edge.drivers.clock import FixedClock, SystemClock
from edge.events import (
    Alive,
    Boot,
    ClockRead,
    Code,
    Contact,
    ContactEdge,
    FeedWatchdog,
    LevelRead,
    MessageRefused,
    Origin,
    Store,
)
from edge.evidence import Fitted
from edge.runtime import TOGETHER_S_MAX, Brain, Periodic, Worker, together
from edge.settings import ClockSettings
from tests.unit.test_claim import feed, relay
from tests.unit.test_selftest_news import T, ask, gate

RULES = state.Rules(contact=contact.ContactRules(confirm_ms=0))
BOOT = Boot("a" * 16, 1, "b" * 16)


def test_a_press_overtakes_whatever_waits_for_the_brain() -> None:
    brain = Brain(state.begin(BOOT, RULES, 0), FixedClock())
    taken_before: list[int] = []
    brain.attach({Store: lambda _: taken_before.append(sum(dict(brain.state.health.counters).values()))})
    for _ in range(50):
        brain.post(MessageRefused("flood", 0))
    brain.post(ContactEdge(Contact.KEY, True, 0, Origin.PERSON))
    brain.stop()
    brain.run()
    assert taken_before == [0]
    assert sum(dict(brain.state.health.counters).values()) == 50


def test_contacts_are_taken_in_the_order_in_which_they_moved() -> None:
    brain = Brain(state.begin(BOOT, RULES, 0), FixedClock())
    for closed in (True, False, True, False):
        brain.post(ContactEdge(Contact.KEY, closed, 0, Origin.PERSON))
    brain.stop()
    brain.run()
    assert not brain.state.contacts.key.closed
    assert brain.state.alarm.presses == 1


def test_a_press_does_not_overtake_the_clock_that_dates_it() -> None:
    """A key held at start-up is seen right after the first reading of the clock."""
    brain = Brain(state.begin(BOOT, RULES, 0), FixedClock())
    dated: list[int] = []
    brain.attach({Store: lambda command: dated.append(command.record.wall.wall_ms)})
    brain.post(ClockRead(0, 1_790_000_000_000, 5))
    brain.post(LevelRead(Contact.KEY, True, 0))
    brain.stop()
    brain.run()
    assert dated
    assert set(dated) == {1_790_000_000_000}


def test_a_self_test_that_a_late_brain_finds_in_its_inbox_is_no_alarm() -> None:
    """The relay has let go before the brain looked: what its hand said lies there from before its edges."""
    tested, _ = feed(gate(Fitted(loopback=True)), [ask()])
    brain = Brain(tested, FixedClock(T))
    for fact in (MessageRefused("flood", T), *relay(T + 2)):
        brain.post(fact)
    brain.stop()
    brain.run()
    assert brain.state.alarm.presses == 0
    assert brain.state.test.run is not None
    assert brain.state.test.run.seen.edge_ms == T + 7


def test_a_press_that_is_being_confirmed_when_the_end_is_asked_for_is_still_a_press() -> None:
    """Ten milliseconds are enough to be stopped in; the guard's finger is on the button, and nobody would know."""
    clock = SystemClock(ClockSettings())
    slow = state.Rules(contact=contact.ContactRules(confirm_ms=40))
    brain = Brain(state.begin(BOOT, slow, clock.now_ms()), clock)
    kept: list[Code] = []
    brain.attach({Store: lambda command: kept.append(command.record.code)})
    brain.post(ContactEdge(Contact.KEY, True, clock.now_ms(), Origin.PERSON))
    brain.stop()
    brain.run()
    assert Code.SILENT_PANIC in kept


def test_what_was_commanded_before_its_hand_was_there_is_carried_out_though_the_brain_has_ended() -> None:
    """The store's libraries take 0.3 s to load; who is stopped within that has a press that nobody has written down."""
    brain = Brain(state.begin(BOOT, RULES, 0), FixedClock())
    kept: list[Code] = []
    brain.post(ContactEdge(Contact.KEY, True, 0, Origin.PERSON))
    brain.stop()
    brain.run()
    brain.attach({Store: lambda command: kept.append(command.record.code)})
    brain.post(MessageRefused("too late", 0))
    assert kept == []
    brain.hand_over()
    assert kept == [Code.SILENT_PANIC]
    brain.hand_over()
    assert kept == [Code.SILENT_PANIC], "once"


def test_a_disturbance_that_a_late_brain_finds_in_its_inbox_is_no_press() -> None:
    """Its end lies there as well: what the contacts did comes before time passes."""
    brain = Brain(state.begin(BOOT, state.Rules(), 9_000), FixedClock(10_000))
    for at_ms, closed in ((9_500, True), (9_503, False)):
        brain.post(ContactEdge(Contact.KEY, closed, at_ms, Origin.PERSON))
    brain.stop()
    brain.run()
    assert brain.state.alarm.presses == 0


def test_time_passes_under_a_flood_of_contacts_too() -> None:
    clock = FixedClock(10_000)
    brain = Brain(state.begin(BOOT, RULES, 0), clock)
    fed_after: list[int] = []
    brain.attach({FeedWatchdog: lambda _: fed_after.append(brain.state.contacts.reset.told_ms)})
    brain.post(Alive("contact", 9_000))
    brain.post(Alive("lamps", 9_000))
    brain.stop()
    brain.run()
    fed_after.clear()
    clock.advance(1_500)
    for at_ms in range(1_000):
        brain.post(LevelRead(Contact.RESET, False, at_ms))
    brain.stop()
    brain.run()
    assert fed_after
    assert fed_after[0] < 999


def gathering(batches: list[list[str]], done: threading.Event) -> Worker[str]:
    """A worker for whom small letters can wait, as good as for ever."""

    def work(jobs: Sequence[str]) -> None:
        batches.append(list(jobs))
        done.set()

    def failed(why: str) -> None:
        raise AssertionError(why)

    return Worker("test", work, failed, can_wait=str.islower, gather_ms=3_600_000, batch_max=4)


def test_jobs_that_can_wait_are_gathered_and_one_that_cannot_takes_them_along_at_once() -> None:
    batches: list[list[str]] = []
    done = threading.Event()
    worker = gathering(batches, done)
    for job in ("a", "b", "C"):
        worker.put(job)
    assert done.wait(30)
    done.clear()
    for job in "defg":
        worker.put(job)
    assert done.wait(30), "a full batch does not wait either"
    worker.close()
    assert [job for batch in batches for job in batch] == list("abCdefg")
    assert batches[-1] == list("defg")


def test_jobs_that_wait_for_company_are_done_before_the_end() -> None:
    batches: list[list[str]] = []
    worker = gathering(batches, threading.Event())
    worker.put("a")
    worker.close()
    assert batches == [["a"]]


def test_what_hangs_at_the_end_is_not_waited_for_one_after_the_other() -> None:
    ended = threading.Event()
    hung = threading.Event()
    began = time.monotonic()
    together([hung.wait, hung.wait, hung.wait, hung.wait, ended.set], failed=lambda why: None)  # type: ignore[list-item]
    assert ended.is_set()
    assert time.monotonic() - began < 2 * TOGETHER_S_MAX
    hung.set()


def test_periodic_work_is_done_at_once_when_woken_and_goes_on_after_a_failure() -> None:
    done = threading.Semaphore(0)
    told: list[str] = []

    def work() -> None:
        done.release()
        raise ValueError("broken")

    often = Periodic("test", 3_600_000, work, told.append)
    for _ in range(2):
        often.wake()
        assert done.acquire(timeout=30)
    often.close()
    assert set(told) == {"thread_test"}
    often.wake()
    assert not done.acquire(blocking=False), "it has ended"
