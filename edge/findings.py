"""What one look at a gate found: a verdict, what was seen, what to do. Pure.

Nothing is PASS that was not looked at. What cannot be looked at here is NOT_TESTED with its reason; ``needed`` tells
whether somebody else, or the same person with sudo, could have looked.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge.chain import Verdict
from edge.languages import NOTHING, Text
from edge.value import Value

WITH_SUDO = Text("To see it: sudo gatepost doctor", "要查看，请运行：sudo gatepost doctor")


class Finding(Value, frozen=True):
    """One line of ``gatepost doctor``. ``check`` is its stable name for programs, such as ``card.space``."""

    check: str
    title: Text
    verdict: Verdict
    said: Text
    todo: Text = NOTHING
    needed: bool = True


class Check(Value, frozen=True):
    """One thing to look at, and the ways in which the look can end."""

    name: str
    title: Text

    def passed(self, said: Text) -> Finding:
        """It was looked at and is well."""
        return Finding(self.name, self.title, Verdict.PASS, said)

    def failed(self, said: Text, todo: Text) -> Finding:
        """It was looked at and is not well."""
        return Finding(self.name, self.title, Verdict.FAIL, said, todo)

    def judged(self, well: bool, said: Text, todo: Text) -> Finding:
        """Well or not, seen the same way; ``todo`` only where it is not."""
        return self.passed(said) if well else self.failed(said, todo)

    def not_tested(self, why: Text, todo: Text = NOTHING) -> Finding:
        """It could not be looked at this time."""
        return Finding(self.name, self.title, Verdict.NOT_TESTED, why, todo)

    def not_here(self, why: Text) -> Finding:
        """It cannot be looked at on this machine, by anybody."""
        return Finding(self.name, self.title, Verdict.NOT_TESTED, why, needed=False)

    def hidden(self, what: str) -> Finding:
        """This user may not look."""
        return self.not_tested(Text(f"you may not look at {what}", f"您无权查看 {what}"), WITH_SUDO)


PASS_EXIT, FAIL_EXIT, UNPROVED_EXIT = 0, 1, 2


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well, 1 something is not, 2 nothing is wrong but something that can be looked at was not."""
    verdicts = [one.verdict for one in findings if one.needed or one.verdict is not Verdict.NOT_TESTED]
    if Verdict.FAIL in verdicts:
        return FAIL_EXIT
    return UNPROVED_EXIT if Verdict.NOT_TESTED in verdicts or not verdicts else PASS_EXIT
