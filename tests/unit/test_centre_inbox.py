"""The inbox: alarms overtake, brokers are held back, and the desk never waits behind either."""

from __future__ import annotations

import threading

from centre import inbox
from centre.inbox import Arrival, Inbox

DEADLINE_S = 10


def arrival(last: str, number: int = 0) -> Arrival:
    return Arrival(number, f"gate/c/s/g/{last}", b"", False, lambda: None)


def test_alarms_and_tests_overtake_routine_in_order():
    box: Inbox[str] = Inbox()
    for number, last in enumerate(["temperature", "alarm", "heartbeat", "selftest"]):
        box.put(arrival(last, number))
    taken = box.take(3, 0)
    assert taken is not None
    assert [one.broker for one in taken[1]] == [1, 3, 0]


def test_a_full_inbox_holds_the_broker_back_until_something_is_taken():
    box: Inbox[str] = Inbox()
    for _ in range(inbox.MESSAGES_MAX):
        box.put(arrival("temperature"))
    broker = threading.Thread(target=box.put, args=(arrival("alarm"),))
    broker.start()
    broker.join(0.05)
    assert broker.is_alive()
    box.take(1, 0)
    broker.join(DEADLINE_S)
    assert not broker.is_alive()


def test_notes_pass_while_messages_must_wait():
    """While the disk refuses, nothing more is taken from brokers, and the desk is still served."""
    box: Inbox[str] = Inbox()
    box.put(arrival("alarm"))
    box.note("list")
    assert box.take(0, DEADLINE_S) == (["list"], [])


def test_closing_frees_a_broker_that_is_held_back():
    box: Inbox[str] = Inbox()
    for _ in range(inbox.MESSAGES_MAX):
        box.put(arrival("temperature"))
    broker = threading.Thread(target=box.put, args=(arrival("alarm"),))
    broker.start()
    box.close()
    broker.join(DEADLINE_S)
    assert not broker.is_alive()
    assert box.take(1, DEADLINE_S) is None
