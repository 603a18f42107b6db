"""The code that must not be wrong, by what it does, and the tests that are near it."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """Modules of ``edge``, and files of tests: quick ones, so that hundreds of changes can be tried."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The modules as files."""
        return tuple(f"edge/{module}.py" for module in self.modules)


def _unit(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/unit/test_{name}.py" for name in names)


KINDS = {
    "alarm": Kind(("alarm", "latching", "contact"), _unit("alarm", "contact", "core", "rules")),
    "uplink": Kind(("uplink", "owed", "sending", "pace", "links"), _unit("uplink", "links", "pace", "core", "rules")),
    "self-test": Kind(
        ("selftest", "verdicts", "claim"),
        _unit("claim", "verdicts", "selftest", "selftest_news", "selftest_settings", "rules"),
    ),
    "store": Kind(
        ("drivers/store", "card_file", "keeper", "fallback"),
        (*_unit("card_file", "fallback", "keeper", "store"), "tests/contract/test_outbox.py"),
    ),
    "signatures": Kind(
        ("ledger", "ledger_key", "seals", "trust", "challenges"),
        _unit("challenges", "ledger", "ledger_key", "trust", "trust_hands", "ledger_table"),
    ),
}
"""Of these no branch may go untaken by any test, and of changes to them at most 15 % unseen."""
