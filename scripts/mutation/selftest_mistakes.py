"""Mistakes in the self-test: each hides a real press, fakes an alarm, or calls something good that was not tried."""

from __future__ import annotations

from mutation.mistake import Mistake

SELFTEST_MISTAKES = (
    Mistake(
        "test: the relay's edge overtakes what its hand said",
        "edge/runtime.py",
        "EXPRESS = (ContactEdge, LevelRead, ClockRead, StimulusBegan, StimulusLooked, StimulusEnded)",
        "EXPRESS = (ContactEdge, LevelRead, ClockRead)",
    ),
    Mistake(
        "test: a finger that was first passes for the relay",
        "edge/claim.py",
        "if claim.taken_ms is not None or claim.began_ms is None or closed_ms < claim.began_ms:",
        "if claim.taken_ms is not None or claim.began_ms is None:",
    ),
    Mistake(
        "test: a second closure is the test's as well",
        "edge/claim.py",
        "if claim.taken_ms is not None or claim.began_ms is None",
        "if claim.began_ms is None",
    ),
    Mistake(
        "test: nobody looks after the relay has let go",
        "edge/claim.py",
        "    if claim.held and claim.ended_ms is not None:",
        "    if False:",
    ),
    Mistake(
        "test: 250 ms for the relay to let go",
        "edge/claim.py",
        "return SHORTEST_PRESS_MS - 1 - LATE_MS - SPIKE_MS - hold_ms(confirm_ms)",
        "return 250",
    ),
    Mistake(
        "test: a finger beside the relay is chatter",
        "edge/claim.py",
        "sure_ms=max(fact.at_ms, due_ms) + confirm_ms)",
        "sure_ms=None)",
    ),
    Mistake(
        "test: a press that is held in a window stays a test",
        "edge/claim.py",
        "if down and now_ms >= claim.taken_ms + HELD_MS:",
        "if False:",
    ),
    Mistake(
        "test: a window takes presses for ever",
        "edge/claim.py",
        "return closed_ms < claim.until_ms",
        "return True",
    ),
    Mistake(
        "test: words at the contact port on the key's own line",
        "edge/contact.py",
        "    return isinstance(fact, LevelRead) or fact.origin is Origin.PERSON",
        "    return True",
    ),
    Mistake(
        "test: a window opens twice",
        "edge/window_news.py",
        "if fact.nonce in state.test.nonces:",
        "if False:",
    ),
    Mistake(
        "test: a window outlives its expiry",
        "edge/window_news.py",
        "if stamp.wall_ms > fact.expires_wall_ms:",
        "if False:",
    ),
    Mistake(
        "test: a window survives the loss of all brokers",
        "edge/window_news.py",
        "if not links.connected(state.links):",
        "if False:",
    ),
    Mistake(
        "test: a drill's end silences an alarm's siren",
        "edge/selftest_news.py",
        "    if state.test.rules.fitted.siren and not state.alarm.siren_on:",
        "    if state.test.rules.fitted.siren:",
    ),
    Mistake(
        "test: a path that refused passes with the other",
        "edge/verdicts.py",
        "if seen.acked_ms[number] is None:",
        "if not any(one is not None for one in seen.acked_ms):",
    ),
    Mistake(
        "test: stored is enough without reading back",
        "edge/verdicts.py",
        "if seen.read_back is not True:",
        "if seen.read_back is False and False:",
    ),
    Mistake(
        "test: a sensor that saw nothing proves the lamp",
        "edge/verdicts.py",
        "blinked = seen.light_on and seen.light_off",
        "blinked = True",
    ),
    Mistake(
        "test: no officer is needed",
        "edge/verdicts.py",
        "        links.add(Link.OFFICER)",
        "        links.discard(Link.OFFICER)",
    ),
    Mistake(
        "test: one that ended is not remembered",
        "edge/schedule_news.py",
        "    if ended is not None:",
        "    if False:",
    ),
)
