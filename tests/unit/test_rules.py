"""What the settings say to each machine of the brain."""

from __future__ import annotations

from edge.alarm import AlarmRules
from edge.contact import ContactRules
from edge.links import LinkRules
from edge.rules import rules_of
from edge.settings import parse
from edge.uplink import UplinkRules
from tests.unit.test_settings import PLAIN


def test_a_machine_that_was_told_nothing_does_as_the_settings_say_where_nothing_is_set() -> None:
    rules = rules_of(parse(PLAIN.replace('"one"', '"broker"'), "gate.toml"), "0")
    assert rules.alarm == AlarmRules()
    assert rules.contact == ContactRules()
    assert rules.links == LinkRules()
    assert rules.uplink == UplinkRules()
    assert rules.selftest.fitted.officer_ms == 90_000
    assert rules.selftest.confirm_ms == 10


def test_what_is_set_in_seconds_is_told_in_milliseconds() -> None:
    text = PLAIN + '[alarm]\ncommunicate_s_max = 45\n[siren]\nrelay_gpio = 24\nmode = "audible"\nsound_s_max = 60\n'
    rules = rules_of(parse(text, "gate.toml"), "ff", power_is_new=True)
    assert rules.alarm == AlarmRules(communicate_ms=45_000, audible=True, siren_ms_max=60_000)
    assert (rules.links.jitter_seed, rules.links.spread_start, rules.links.brokers) == (255, True, ("one",))
