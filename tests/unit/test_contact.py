"""What the levels of the contacts mean."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contact import (
    EDGE_GRACE_MS,
    LOOK_MS_MAX,
    Closure,
    ContactRules,
    Contacts,
    Finding,
    Phase,
    WiringTrouble,
    callbacks_dead,
    step,
    undecided,
    wake_at,
)
from edge.events import Contact, ContactEdge, LevelRead, LookAt, Origin, Ticked, Trouble
from tests.unit.machines import edge

PLAIN = ContactRules()


def run(
    facts: Iterable[ContactEdge | LevelRead | Ticked], rules: ContactRules = PLAIN, *, looks: bool = True
) -> list[Finding]:
    """Feed facts and let time pass between and after them as the brain would; ``looks``: somebody looks when asked."""
    told = list(facts)
    contacts, found = Contacts(rules=rules), []

    def feed(fact: ContactEdge | LevelRead | Ticked) -> None:
        nonlocal contacts
        contacts, said = step(contacts, fact)
        found.extend(said)
        for one in said:
            if isinstance(one, LookAt) and looks:
                feed(LevelRead(one.contact, level(told, one.contact, fact.at_ms), fact.at_ms))

    for fact in [*told, None]:
        end_ms = 1 << 40 if fact is None else fact.at_ms
        while (due_ms := wake_at(contacts)) is not None and due_ms <= end_ms:
            feed(Ticked(due_ms))
            if due_ms > 1_000_000_000:
                return found
        if fact is not None:
            feed(fact)
    return found


def level(facts: Iterable[ContactEdge | LevelRead | Ticked], contact: Contact, at_ms: int) -> bool:
    """How the wire itself is then, whether anybody has heard of it yet or not."""
    dated = [
        (fact.at_ms - getattr(fact, "late_ms", 0), fact.closed)
        for fact in facts
        if not isinstance(fact, Ticked) and fact.contact is contact
    ]
    return next((closed for moved_ms, closed in sorted(dated, reverse=True) if moved_ms <= at_ms), False)


def presses(found: list[Finding]) -> list[Closure]:
    return [one for one in found if isinstance(one, Closure)]


def troubles(found: list[Finding]) -> list[tuple[Trouble, bool]]:
    return [(one.trouble, one.raised) for one in found if isinstance(one, WiringTrouble)]


def closure(at_ms: int, held_ms: int) -> list[ContactEdge]:
    return [edge(at_ms, closed=True), edge(at_ms + held_ms, closed=False)]


@given(held_ms=st.integers(50, 50_000), confirm_ms=st.integers(0, 40))
def test_a_closure_of_50_ms_or_longer_is_always_a_press(held_ms: int, confirm_ms: int) -> None:
    found = run(closure(1_000, held_ms), ContactRules(confirm_ms=confirm_ms))
    assert presses(found) == [Closure(Contact.KEY, Origin.PERSON, 1_000)]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 200)), max_size=30))
def test_closures_of_5_ms_or_shorter_are_never_a_press(spikes: list[tuple[int, int]]) -> None:
    """However many come, and however close together."""
    facts, at_ms = [], 1_000
    for held_ms, gap_ms in spikes:
        facts += closure(at_ms, held_ms)
        at_ms += held_ms + gap_ms
    assert presses(run(facts)) == []


@settings(max_examples=1_000)
@given(
    before=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=4),
    held_ms=st.integers(50, 300),
    after=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 9)), max_size=6),
)
def test_bounce_on_closing_and_opening_is_one_press(
    before: list[tuple[int, int]], held_ms: int, after: list[tuple[int, int]]
) -> None:
    facts, at_ms = [], 1_000
    for closed_ms, open_ms in before:
        facts += closure(at_ms, closed_ms)
        at_ms += closed_ms + open_ms
    facts += closure(at_ms, held_ms)
    at_ms += held_ms
    for open_ms, closed_ms in after:
        facts += closure(at_ms + open_ms, closed_ms)
        at_ms += open_ms + closed_ms
    assert len(presses(run(facts))) == 1


def test_a_press_is_dated_at_its_closing_edge_even_when_the_brain_comes_late() -> None:
    """Both edges wait in the inbox: the closure is judged by their times, not by when they are read."""
    contacts, _ = step(Contacts(), edge(1_000, closed=True))
    _, found = step(contacts, edge(1_060, closed=False))
    assert found == (Closure(Contact.KEY, Origin.PERSON, 1_000),)


LATE = st.integers(0, 200)


@given(
    pushes=st.lists(st.tuples(st.integers(1, 5) | st.integers(50, 300), LATE, LATE), min_size=1, max_size=4),
    polled_ms=st.integers(0, 49),
    confirm_ms=st.integers(6, 40),
)
def test_however_late_edges_are_heard_5_ms_are_no_press_and_50_ms_are_one(
    pushes: list[tuple[int, int, int]], polled_ms: int, confirm_ms: int
) -> None:
    facts: list[ContactEdge | LevelRead] = [edge(0, closed=False)]
    true_ms, heard_ms = 1_000, 0
    for held_ms, *late_ms in pushes:
        for closed, moved_ms, by_ms in zip((True, False), (true_ms, true_ms + held_ms), late_ms, strict=True):
            heard_ms = max(heard_ms, moved_ms + by_ms)  # one thread tells of them all, in their order
            facts.append(late(moved_ms, heard_ms, closed=closed))
        true_ms += 1_000
    polls = [LevelRead(Contact.KEY, level(facts, Contact.KEY, ms), ms) for ms in range(polled_ms, true_ms, 50)]
    found = run(sorted([*facts, *polls], key=lambda fact: fact.at_ms), ContactRules(confirm_ms=confirm_ms))
    assert len(presses(found)) == sum(held_ms >= 50 for held_ms, *_ in pushes)


def test_a_short_pulse_whose_end_is_heard_too_late_is_no_press() -> None:
    """On a busy machine 27 of 146 were, before the line was looked at."""
    found = run([edge(0, closed=False), edge(1_000, closed=True), late(1_005, 1_040, closed=False)])
    assert found == [LookAt(Contact.KEY)]


def test_a_closure_counts_without_a_look_when_nobody_answers() -> None:
    found = run([edge(1_000, closed=True), edge(2_000, closed=False)], looks=False)
    assert presses(found) == [Closure(Contact.KEY, Origin.PERSON, 1_000)]
    contacts, _ = step(Contacts(), edge(1_000, closed=True))
    contacts, _ = step(contacts, Ticked(1_010))
    assert wake_at(contacts) == 1_010 + LOOK_MS_MAX
    assert presses(list(step(contacts, Ticked(1_010 + LOOK_MS_MAX))[1]))


def test_a_closure_that_is_found_open_and_never_dated_is_in_doubt_and_a_press() -> None:
    """Between 10 ms and the look anything may have been; the edge that would tell was lost."""
    contacts, _ = step(Contacts(), edge(1_000, closed=True))
    contacts, _ = step(contacts, Ticked(1_010))
    contacts, found = step(contacts, LevelRead(Contact.KEY, False, 1_011))
    assert presses(list(found)) == []
    contacts, found = step(contacts, Ticked(1_011 + EDGE_GRACE_MS))
    assert presses(list(found)) == [Closure(Contact.KEY, Origin.PERSON, 1_000)]
    assert (Trouble.EDGE_LOST, True) in troubles(list(found))
    _, found = step(contacts, edge(2_000, closed=True))
    _, found = step(_, LevelRead(Contact.KEY, True, 2_010))
    assert len(presses(list(found))) == 1, "it was let go: the next one is another one"


def test_a_closure_in_doubt_that_closes_again_is_one_press() -> None:
    facts = [edge(0, closed=False), edge(1_000, closed=True), LevelRead(Contact.KEY, False, 1_015)]
    found = run([*facts, edge(1_100, closed=True), edge(1_200, closed=False)], looks=False)
    assert [one.at_ms for one in presses(found)] == [1_000]


def test_confirm_0_takes_the_first_edge() -> None:
    _, found = step(Contacts(rules=ContactRules(confirm_ms=0)), edge(1_000, closed=True))
    assert found == (Closure(Contact.KEY, Origin.PERSON, 1_000),)


def test_two_pushes_are_two_presses() -> None:
    assert len(presses(run(closure(1_000, 100) + closure(1_200, 100)))) == 2


def test_a_key_held_at_start_up_is_a_press() -> None:
    found = run([LevelRead(Contact.KEY, True, 1_000), edge(1_400, closed=False)])
    assert presses(found) == [Closure(Contact.KEY, Origin.PERSON, 1_000)]
    assert troubles(found) == []


def test_the_level_poll_finds_a_press_whose_edges_were_lost() -> None:
    level = [
        LevelRead(Contact.KEY, False, 0),
        LevelRead(Contact.KEY, True, 1_000),
        LevelRead(Contact.KEY, False, 2_000),
    ]
    found = run(level)
    assert len(presses(found)) == 1
    assert (Trouble.EDGE_LOST, True) in troubles(found)


def test_a_slow_callback_is_not_a_lost_edge() -> None:
    found = run([
        edge(0, closed=False),
        LevelRead(Contact.KEY, True, 1_000),
        edge(990, closed=True),
        edge(1_300, closed=False),
    ])  # fmt: skip
    assert [one.at_ms for one in presses(found)] in ([990], [1_000])
    assert troubles(found) == []


def test_a_late_edge_dates_the_closure_that_the_poll_saw_first() -> None:
    """A 50 ms press stays a press though its first callback came 45 ms late."""
    facts = [edge(0, closed=False), LevelRead(Contact.KEY, True, 1_045), edge(1_000, closed=True)]
    assert presses(run([*facts, edge(1_050, closed=False)])) == [Closure(Contact.KEY, Origin.PERSON, 1_000)]


def late(true_ms: int, heard_ms: int, *, closed: bool) -> ContactEdge:
    return ContactEdge(Contact.KEY, closed, heard_ms, Origin.PERSON, heard_ms - true_ms)


def test_a_press_whose_two_callbacks_come_late_and_at_once_is_a_press() -> None:
    """By the moments of hearing alone it is a spike of 1 ms."""
    facts = [edge(0, closed=False), late(1_000, 1_200, closed=True), late(1_060, 1_201, closed=False)]
    assert len(presses(run(facts))) == 1


def test_a_spike_whose_two_callbacks_come_late_is_none() -> None:
    facts = [edge(0, closed=False), late(1_000, 1_200, closed=True), late(1_005, 1_206, closed=False)]
    assert presses(run(facts)) == []


def test_two_presses_whose_callbacks_come_late_and_at_once_are_two() -> None:
    times = [(1_000, True), (1_060, False), (1_150, True), (1_210, False)]
    facts = [late(true_ms, 1_400 + number, closed=closed) for number, (true_ms, closed) in enumerate(times)]
    assert len(presses(run([edge(0, closed=False), *facts]))) == 2


def test_a_press_soon_after_an_opening_whose_edge_came_late_is_another_one_though_the_poll_saw_the_opening_first() -> (
    None
):
    """Open from 1,060 to 1,180, by the kernel's date; the poll saw it at 1,145 and the edge was heard right after."""
    opening = [LevelRead(Contact.KEY, False, 1_145), late(1_060, 1_145, closed=False)]
    assert len(presses(run([edge(1_000, closed=True), *opening, *closure(1_180, 60)]))) == 2


def test_a_press_that_the_poll_sees_first_after_an_opening_that_was_heard_late_is_another_one() -> None:
    first = [late(1_000, 1_183, closed=True), late(1_060, 1_184, closed=False)]
    assert len(presses(run([*first, LevelRead(Contact.KEY, True, 1_233), *closure(1_233, 60)]))) == 2


def test_chatter_of_one_press_whose_edges_come_late_around_a_poll_is_no_other_one() -> None:
    opening = [LevelRead(Contact.KEY, False, 1_145), late(1_130, 1_145, closed=False)]
    chatter = [late(1_133, 1_146, closed=True), late(1_135, 1_147, closed=False)]
    assert len(presses(run([edge(1_000, closed=True), *opening, *chatter]))) == 1
    again = [LevelRead(Contact.KEY, True, 1_160), late(1_155, 1_160, closed=True), edge(1_190, closed=False)]
    assert len(presses(run([edge(1_000, closed=True), *opening, *again]))) == 1


def test_a_press_that_the_poll_saw_whole_is_not_another_one_when_its_callbacks_come_at_last() -> None:
    """However slowly they come one after the other."""
    seen = [LevelRead(Contact.KEY, False, 0), LevelRead(Contact.KEY, True, 1_020), LevelRead(Contact.KEY, False, 1_070)]
    facts = [*seen, late(1_000, 1_200, closed=True), late(1_060, 1_215, closed=False)]
    assert len(presses(run(facts))) == 1
    assert len(presses(run([*facts, *closure(1_400, 60)]))) == 2, "the next one is another one"


def test_an_old_level_does_not_undo_a_newer_edge() -> None:
    contacts, _ = step(Contacts(), edge(0, closed=False))
    contacts, _ = step(contacts, edge(1_000, closed=True))
    contacts, _ = step(contacts, LevelRead(Contact.KEY, False, 999))
    _, found = step(contacts, Ticked(1_010))
    assert found == (LookAt(Contact.KEY),), "it stands"


def test_two_lost_edges_in_a_row_mean_a_dead_callback_thread_until_an_edge_comes() -> None:
    contacts = Contacts()
    for at_ms, closed in ((0, False), (1_000, True), (2_000, False)):
        contacts, _ = step(contacts, LevelRead(Contact.KEY, closed, at_ms))
        contacts, _ = step(contacts, Ticked(at_ms + EDGE_GRACE_MS))
    assert callbacks_dead(contacts)
    contacts, found = step(contacts, edge(3_000, closed=True))
    assert not callbacks_dead(contacts)
    assert (Trouble.EDGE_LOST, False) in troubles(list(found))


@pytest.mark.parametrize("held_ms", [69_000, 86_400_000], ids=["69 s", "a day"])
def test_a_stuck_key_is_told_once_after_60_s_and_does_not_block_the_next_press(held_ms: int) -> None:
    end_ms = 1_000 + held_ms
    polls = [LevelRead(Contact.KEY, True, at_ms) for at_ms in range(10_000, end_ms, 600_000)]
    found = run([edge(1_000, closed=True), *polls, edge(end_ms, closed=False), *closure(end_ms + 1_000, 100)])
    assert [one.at_ms for one in presses(found)] == [1_000, end_ms + 1_000]
    assert troubles(found) == [(Trouble.KEY_STUCK, True), (Trouble.KEY_STUCK, False)]
    told = next(one for one in found if isinstance(one, WiringTrouble))
    assert told.at_ms == 61_000


def test_the_reset_key_is_told_apart_from_the_panic_key() -> None:
    found = run([edge(1_000, closed=True, contact=Contact.RESET), edge(1_100, closed=False, contact=Contact.RESET)])
    assert presses(found) == [Closure(Contact.RESET, Origin.PERSON, 1_000)]


def test_a_reset_key_found_turned_at_start_up_resets_nothing_until_it_is_turned_again() -> None:
    """An alarm never ends by a restart. (The panic key is the other way round: held at start-up, it is a press.)"""
    found = run([LevelRead(Contact.RESET, True, 0), edge(9_000, closed=False, contact=Contact.RESET)])
    assert presses(found) == []
    found = run([
        LevelRead(Contact.RESET, True, 0),
        edge(9_000, closed=False, contact=Contact.RESET),
        edge(9_500, closed=True, contact=Contact.RESET),
        edge(9_600, closed=False, contact=Contact.RESET),
    ])  # fmt: skip
    assert [one.at_ms for one in presses(found)] == [9_500]


def test_a_stuck_reset_key_is_not_taken_for_a_stuck_button() -> None:
    found = run([edge(1_000, closed=True, contact=Contact.RESET), edge(2_000, closed=True)])
    parts = [one.part for one in found if isinstance(one, WiringTrouble)]
    assert parts == ["reset", ""]


def test_an_origin_other_than_a_person_rides_along() -> None:
    found = run([edge(1_000, closed=True, origin=Origin.SELF_TEST), edge(1_100, closed=False)])
    assert presses(found) == [Closure(Contact.KEY, Origin.SELF_TEST, 1_000)]


PAIR = ContactRules(supervised=True)
QUIET = [edge(0, closed=False), edge(0, closed=True, contact=Contact.KEY_NC)]


@pytest.mark.parametrize(
    ("contact", "closed", "trouble"),
    [(Contact.KEY_NC, False, Trouble.LOOP_OPEN), (Contact.KEY, True, Trouble.LOOP_SHORT)],
)
def test_a_cut_or_shorted_pair_is_told_within_a_second_and_restored(
    contact: Contact, closed: bool, trouble: Trouble
) -> None:
    found = run(
        [*QUIET, edge(10_000, closed=closed, contact=contact), edge(20_000, closed=not closed, contact=contact)], PAIR
    )
    told = [one for one in found if isinstance(one, WiringTrouble)]
    assert [(one.trouble, one.raised) for one in told] == [(trouble, True), (trouble, False)]
    assert told[0].at_ms <= 11_000


def test_the_travel_of_a_pair_is_no_trouble() -> None:
    """Break before make: for some milliseconds both halves are open."""
    found = run([
        *QUIET,
        edge(1_000, closed=False, contact=Contact.KEY_NC),
        edge(1_020, closed=True),
        edge(1_200, closed=False),
        edge(1_220, closed=True, contact=Contact.KEY_NC),
    ], PAIR)  # fmt: skip
    assert len(presses(found)) == 1
    assert troubles(found) == []


@given(
    st.lists(st.tuples(st.sampled_from(list(Contact)), st.booleans(), st.integers(0, 120), st.booleans()), max_size=60)
)
def test_whatever_the_contacts_do_nothing_raises_and_troubles_alternate(
    moves: list[tuple[Contact, bool, int, bool]],
) -> None:
    facts: list[ContactEdge | LevelRead] = []
    at_ms = 0
    for contact, closed, gap_ms, by_edge in moves:
        at_ms += gap_ms
        facts.append(
            ContactEdge(contact, closed, at_ms, Origin.PERSON) if by_edge else LevelRead(contact, closed, at_ms)
        )  # fmt: skip
    found = run(facts, PAIR)
    loop = [one.raised for one in found if isinstance(one, WiringTrouble) and one.trouble is Trouble.LOOP_OPEN]
    assert loop == [number % 2 == 0 for number in range(len(loop))]


# --- in figures -----------------------------------------------------------------------------------------------------


def held(*facts: ContactEdge | LevelRead | Ticked, rules: ContactRules = PLAIN) -> tuple[Contacts, list[Finding]]:
    """What comes of these facts alone, with nobody who looks and no time that passes between them."""
    contacts, found = Contacts(rules=rules), []
    for fact in facts:
        contacts, said = step(contacts, fact)
        found += said
    return contacts, found


def test_time_is_asked_for_by_each_contact_in_its_phase() -> None:
    rules = ContactRules(confirm_ms=20, release_ms=50, stuck_ms=3_000)
    assert wake_at(Contacts(rules=rules)) is None
    for contact in (Contact.KEY, Contact.RESET):
        facts = [edge(1_000, closed=True, contact=contact), Ticked(1_020), LevelRead(contact, True, 1_021)]
        assert wake_at(held(*facts[:1], rules=rules)[0]) == 1_020, "it may count"
        assert wake_at(held(*facts[:2], rules=rules)[0]) == 1_120, "the look"
        assert wake_at(held(*facts, rules=rules)[0]) == 4_000, "it may be stuck"
        assert wake_at(held(*facts, Ticked(4_000), rules=rules)[0]) is None, "it has been told"
        opened = edge(2_000, closed=False, contact=contact)
        assert wake_at(held(*facts, opened, rules=rules)[0]) == 2_050, "it may close again"
        assert wake_at(held(*facts, opened, Ticked(2_050), rules=rules)[0]) is None


def test_a_test_at_the_contact_port_is_never_waited_for_as_stuck() -> None:
    facts = edge(1_000, closed=True, origin=Origin.SELF_TEST), Ticked(1_010)
    assert wake_at(held(*facts)[0]) is None
    assert wake_at(held(*facts, edge(1_100, closed=False, origin=Origin.SELF_TEST))[0]) == 1_150


def test_an_edge_may_come_250_ms_after_the_poll_before_it_is_lost() -> None:
    """A level change that only the poll saw is told then, with how many there were; two in a row are a dead thread."""
    facts = LevelRead(Contact.KEY_NC, True, 0), LevelRead(Contact.KEY_NC, False, 1_000)
    contacts, found = held(*facts)
    assert (wake_at(contacts), found) == (1_250, [])
    assert held(*facts, Ticked(1_249))[1] == []
    contacts, found = held(*facts, Ticked(1_250))
    told = WiringTrouble(
        Trouble.EDGE_LOST, True, "key_nc: 1 level changes were seen by the poll alone", 1_250, "key_nc"
    )
    assert found == [told]
    assert not callbacks_dead(contacts)
    contacts, found = held(*facts, Ticked(1_250), LevelRead(Contact.KEY_NC, True, 2_000), Ticked(2_250))
    assert callbacks_dead(contacts)
    assert (contacts.key_nc.lost, contacts.key_nc.lost_in_row) == (2, 2)
    contacts, found = held(*facts, Ticked(1_250), edge(3_000, closed=True, contact=Contact.KEY_NC))
    assert found[1:] == [WiringTrouble(Trouble.EDGE_LOST, False, "key_nc: edges arrive", 3_000, "key_nc")]
    assert (contacts.key_nc.lost, contacts.key_nc.lost_in_row) == (1, 0)


def test_a_brain_that_is_late_does_what_was_due_before() -> None:
    """A busy machine ticks a few milliseconds after the time that was asked for, or much later."""
    rules = ContactRules(confirm_ms=20, release_ms=50, stuck_ms=3_000)
    lost = held(LevelRead(Contact.KEY_NC, True, 0), LevelRead(Contact.KEY_NC, False, 1_000), Ticked(1_257), rules=rules)
    assert [one.trouble for one in lost[1] if isinstance(one, WiringTrouble)] == [Trouble.EDGE_LOST]

    closed = edge(1_000, closed=True), Ticked(1_027)
    assert held(*closed, rules=rules)[1] == [LookAt(Contact.KEY)]
    assert presses(held(*closed, Ticked(1_027 + LOOK_MS_MAX + 7), rules=rules)[1])

    pressed = *closed, LevelRead(Contact.KEY, True, 1_028)
    (stuck,) = (one for one in held(*pressed, Ticked(4_007), rules=rules)[1] if isinstance(one, WiringTrouble))
    assert (stuck.trouble, stuck.raised) == (Trouble.KEY_STUCK, True)

    let_go = *pressed, edge(2_000, closed=False), Ticked(2_057)
    assert held(*let_go, rules=rules)[0].key.phase is Phase.OPEN


@pytest.mark.parametrize("contact", [Contact.KEY, Contact.KEY_NC, Contact.RESET])
def test_a_dead_callback_thread_is_seen_at_any_contact(contact: Contact) -> None:
    facts: list[LevelRead | Ticked] = []
    for at_ms, closed in ((0, False), (1_000, True), (2_000, False)):
        facts += LevelRead(contact, closed, at_ms), Ticked(at_ms + 250)
    assert callbacks_dead(held(*facts)[0])


def test_a_poll_that_sees_what_is_known_or_old_loses_no_edge() -> None:
    contacts, _ = held(edge(1_000, closed=False), LevelRead(Contact.KEY, False, 1_050))
    assert contacts.key.unproven_ms is None
    contacts, _ = held(edge(1_000, closed=False), LevelRead(Contact.KEY, True, 1_000))
    assert (contacts.key.unproven_ms, contacts.key.closed) == (None, False)
    contacts, _ = held(LevelRead(Contact.KEY, False, 0), LevelRead(Contact.KEY, True, 1), edge(2, closed=True))
    assert contacts.key.unproven_ms is None


def test_a_closure_may_be_a_press_until_it_counts() -> None:
    for contact in (Contact.KEY, Contact.RESET):
        confirming, _ = held(edge(1_000, closed=True, contact=contact))
        assert undecided(confirming)
        assert undecided(step(confirming, Ticked(1_010))[0]), "it is looked at"
        assert not undecided(held(edge(1_000, closed=True, contact=contact), Ticked(1_010), Ticked(1_110))[0])
    assert not undecided(held(edge(1_000, closed=True, contact=Contact.KEY_NC))[0])
    assert not undecided(Contacts())


def test_a_stuck_contact_is_told_with_its_name_and_seconds_and_when_it_lets_go() -> None:
    rules = ContactRules(stuck_ms=3_000)
    for contact, part in ((Contact.KEY, ""), (Contact.RESET, "reset")):
        facts = [edge(1_000, closed=True, contact=contact), Ticked(1_010), LevelRead(contact, True, 1_011)]
        assert not troubles(held(*facts, Ticked(3_999), rules=rules)[1])
        open_again = edge(5_000, closed=False, contact=contact)
        _, found = held(*facts, Ticked(4_000), Ticked(4_001), open_again, Ticked(5_049), Ticked(5_050), rules=rules)
        assert [one for one in found if isinstance(one, WiringTrouble)] == [
            WiringTrouble(Trouble.KEY_STUCK, True, f"{contact.value} closed for 3 s", 4_000, part),
            WiringTrouble(Trouble.KEY_STUCK, False, f"{contact.value} let go", 5_050, part),
        ]


def test_a_closure_that_the_poll_finds_open_before_it_counts_is_none_and_later_one_in_doubt() -> None:
    assert not undecided(held(edge(1_000, closed=True), LevelRead(Contact.KEY, False, 1_009))[0])
    in_doubt, _ = held(edge(1_000, closed=True), LevelRead(Contact.KEY, False, 1_010))
    assert undecided(in_doubt)
    assert wake_at(in_doubt) == 1_260
    assert presses(list(step(in_doubt, Ticked(1_260))[1])) == [Closure(Contact.KEY, Origin.PERSON, 1_000)]


def test_a_contact_must_stand_open_for_50_ms_before_it_can_be_pressed_again() -> None:
    first = [edge(1_000, closed=True), edge(1_100, closed=False)]
    for again_ms, count in ((1_149, 1), (1_150, 2)):
        facts = [*first, edge(again_ms, closed=True), edge(again_ms + 100, closed=False)]
        assert len(presses(run(facts))) == count


def pair(*facts: ContactEdge | LevelRead | Ticked) -> tuple[Contacts, list[Finding]]:
    """A supervised key that was quiet."""
    return held(*QUIET, *facts, rules=PAIR)


CUT = edge(10_000, closed=False, contact=Contact.KEY_NC)


def test_a_pair_that_disagrees_is_told_after_half_a_second_and_again_when_it_has_agreed_for_as_long() -> None:
    contacts, _ = pair(CUT)
    assert wake_at(contacts) == 10_500
    assert pair(CUT, Ticked(10_499))[1] == []
    contacts, found = pair(CUT, Ticked(10_500), Ticked(11_500))
    opened = WiringTrouble(Trouble.LOOP_OPEN, True, "both contacts open: cable cut, or a contact broken", 10_500)
    assert found == [opened]
    assert wake_at(contacts) is None
    mended = edge(20_000, closed=True, contact=Contact.KEY_NC)
    contacts, found = pair(CUT, Ticked(10_500), mended)
    assert (wake_at(contacts), found) == (20_500, [opened])
    assert pair(CUT, Ticked(10_500), mended, Ticked(20_499))[1] == [opened]
    contacts, found = pair(CUT, Ticked(10_500), mended, Ticked(20_500), Ticked(21_500))
    closed = WiringTrouble(Trouble.LOOP_OPEN, False, "one half open, one closed again", 20_500)
    assert found == [opened, closed]
    assert (contacts.loop, contacts.agree_ms, contacts.disagree_ms, wake_at(contacts)) == (None, None, None, None)


def test_a_pair_that_agrees_for_a_moment_has_its_time_again_either_way() -> None:
    travelled = edge(10_400, closed=True, contact=Contact.KEY_NC), edge(10_450, closed=False, contact=Contact.KEY_NC)
    assert pair(CUT, *travelled, Ticked(10_949))[1] == []
    assert troubles(pair(CUT, *travelled, Ticked(10_950))[1]) == [(Trouble.LOOP_OPEN, True)]
    flicker = edge(20_000, closed=True, contact=Contact.KEY_NC), edge(20_400, closed=False, contact=Contact.KEY_NC)
    again = edge(20_450, closed=True, contact=Contact.KEY_NC)
    contacts, found = pair(CUT, Ticked(10_500), *flicker, again, Ticked(20_949))
    assert (troubles(found), wake_at(contacts)) == ([(Trouble.LOOP_OPEN, True)], 20_950)


def test_a_cut_cable_that_is_shorted_then_is_told_as_what_it_is_now() -> None:
    shorted = edge(20_000, closed=True), edge(20_001, closed=True, contact=Contact.KEY_NC)
    _, found = pair(CUT, Ticked(10_500), *shorted, Ticked(20_501), Ticked(30_000))
    loop = [one for one in found if isinstance(one, WiringTrouble) and one.trouble is not Trouble.KEY_STUCK]
    assert loop == [
        WiringTrouble(Trouble.LOOP_OPEN, True, "both contacts open: cable cut, or a contact broken", 10_500),
        WiringTrouble(Trouble.LOOP_OPEN, False, "changed", 20_501),
        WiringTrouble(Trouble.LOOP_SHORT, True, "both contacts closed", 20_501),
    ]


def test_a_pair_that_disagreed_and_agrees_again_is_told_of_also_by_a_brain_that_is_late() -> None:
    late = CUT, Ticked(10_507), edge(20_000, closed=True, contact=Contact.KEY_NC), Ticked(20_507)
    contacts, found = pair(*late)
    assert troubles(found) == [(Trouble.LOOP_OPEN, True), (Trouble.LOOP_OPEN, False)]
    assert contacts.loop is None


def test_a_half_that_nobody_has_read_yet_disagrees_with_nothing() -> None:
    for fact in (edge(0, closed=False), edge(0, closed=False, contact=Contact.KEY_NC)):
        contacts, found = held(fact, Ticked(9_000), rules=PAIR)
        assert (contacts.disagree_ms, found) == (None, [])
    assert held(*QUIET, CUT, Ticked(19_000))[1] == [], "unsupervised"
