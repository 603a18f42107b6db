"""Whether the gate proves itself: what came of the last self-test, and whether the next one is on its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge.chain import Kind, Result
from edge.checks.gate import Gate
from edge.findings import Check, Finding
from edge.languages import Text, same
from edge.moments import shown

LAST = Check("selftest.last", Text("Last self-test", "上次自检"))
NEXT = Check("selftest.next", Text("Next self-test", "下次自检"))

OVERDUE_MS = 6 * 3_600_000
"""After so long the centre raises it, too (requirement R16 of the standards' note)."""

_RUN = same("gatepost selftest run; gatepost selftest status")


def checks(gate: Gate) -> Iterator[Finding]:
    """By the daemon's diary."""
    plan: Mapping[str, Any] | None = (gate.view.get("selftest") or {}).get("schedule")
    if plan is None:
        why = Text("the daemon does not say", "主程序没有说明")
        yield LAST.not_tested(why)
        yield NEXT.not_tested(why)
        return
    yield _last(plan)
    yield _next(gate, plan)


def _last(plan: Mapping[str, Any]) -> Finding:
    """Of the whole chain: the quiet path tests between do not stand for it."""
    tests = [one for one in plan.get("tests") or () if one.get("kind") != Kind.PATH.value]
    if not tests:
        return LAST.not_tested(Text("none of the whole chain is known", "没有整条链路的测试记录"), _RUN)
    last = tests[-1]
    said = same(f"{shown(int(last['wall_ms']))} {last.get('kind')} {last.get('result')}")
    if last.get("result") == Result.PARTIAL.value:
        return LAST.not_tested(said, _RUN)
    return LAST.judged(last.get("result") == Result.PASS.value, said, _RUN)


def _next(gate: Gate, plan: Mapping[str, Any]) -> Finding:
    if not plan.get("enabled"):
        return NEXT.failed(Text("switched off by the settings", "设置中已关闭"), same("selftest.enabled = true"))
    due_ms = plan.get("next_wall_ms")
    if due_ms is None:
        return NEXT.not_tested(Text("nothing is planned until the clock is set", "时钟校准之前不做计划"))
    return NEXT.judged(gate.machine.wall_ms() <= due_ms + OVERDUE_MS, same(shown(int(due_ms))), _RUN)
