"""A month of the ledger as one page to print: what was tested, which links, when, and whether each week was compliant.

Everything is in the file: no script, no picture or font from elsewhere. English and Chinese stand side by side, so that
gate, county and auditor read the same paper. Signs, not colours, tell the verdicts apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from edge import chain
from edge.chain import Link, Result, Verdict
from edge.diary import Week
from edge.events import Record
from edge.languages import Text
from edge.ledger import Head
from edge.ledger_check import Outcome
from edge.ledger_export import Exported, link_text
from edge.ledger_month import Basis, Dated, Moment, Month, Summary, Test
from edge.ledger_weeks import Judged
from edge.ledger_words import (
    KINDS,
    LACKS,
    LINKS,
    MARKS,
    OPERATOR,
    RESULTS,
    STIMULI,
    TEST_RESULTS,
    VERDICTS,
    parts_of,
    sentence,
)
from edge.local_time import DAY_MS, Zone, spoken, text_of
from edge.value import Value

ROWS_MAX = 400
"""Rows of each table on paper: more is in the CSV, and the page says so."""

SIGNS = {Basis.CLOCK: "", Basis.WORKED_OUT: "*", Basis.UNSET_CLOCK: "?"}

CHART_WIDTH, CHART_HEIGHT = 720, 150
CENTRE_MS_MAX = 10_000.0
"""The upper end of the chart: what the centre's receipt may take at most (standards' note, section 4, link 10)."""

STYLE = """
@page { size: A4 landscape; margin: 12mm }
body { font: 10pt/1.35 "Noto Sans", "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei",
       sans-serif; color: #111; max-width: 270mm; margin: 8mm auto }
h1 { font-size: 17pt; margin: 0 } h2 { font-size: 12pt; margin: 6mm 0 1.5mm; break-after: avoid }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { border-bottom: .3pt solid #999; padding: .7mm 1.2mm; text-align: left; vertical-align: top }
th { font-weight: 600; border-bottom: .8pt solid #111 } tr { break-inside: avoid } thead { display: table-header-group }
.zh { color: #444; font-size: 90% } .links td, .links th { text-align: center; padding: .7mm .4mm }
.links .l { text-align: left; padding-right: 2mm } .links td:nth-child(2) { white-space: nowrap }
.links th { font-size: 7.5pt; font-weight: 500 } .bad { font-weight: 700 }
.fail { background: #eee; outline: .6pt solid #111 } code { font: 8.5pt/1.3 "Noto Sans Mono", monospace;
overflow-wrap: anywhere } .big { font-size: 12.5pt; font-weight: 700; border: 1pt solid #111; padding: 1.5mm 3mm;
display: inline-block; margin: 3mm 0 } svg { width: 100%; height: auto } .note { font-size: 8.5pt; color: #444 }
"""


class Cover(Value, frozen=True):
    """What stands at the top: the gate, its key, and when the page was made."""

    gate: str
    public_key: str
    fingerprint: str
    time_zone: str
    made: str
    software: str


def page(cover: Cover, month: Month, zone: Zone, exported: Exported) -> str:
    """The whole page."""
    summary, outcome = exported.summary, exported.outcome
    heading = _both(Text("Alarm and test ledger", "报警与测试台账"))
    parts = [
        "<!doctype html>\n<html lang=zh>\n<meta charset=utf-8>\n",
        f"<title>{escape(cover.gate)} {month.name}</title>\n<style>{STYLE}</style>\n",
        f"<h1>{heading}</h1>\n<p><b>{escape(cover.gate)}</b> · {month.name}</p>\n",
        *_verdict(outcome),
        *_weeks(exported.weeks),
        *_chart(summary.tests, month),
        *_tests(summary.tests, zone),
        *_alarms(summary.alarms, zone),
        *_proof(cover, summary),
    ]
    return "".join(parts) + "</html>\n"


def _both(text: Text) -> str:
    return f"{escape(text.en)} <span class=zh lang=zh>{escape(text.zh)}</span>"


def _heading(en: str, zh: str) -> str:
    return f"<h2>{_both(Text(en, zh))}</h2>\n"


def _row(cells: Iterable[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}" for cell in cells) + "\n"


def _head_row(*names: Text) -> str:
    return "<thead>" + _row((_both(name) for name in names), "th") + "</thead>\n"


def _verdict(outcome: Outcome) -> Iterator[str]:
    """Whether the ledger behind this page is whole."""
    yield f"<div class=big>{MARKS[_sign(outcome.result)]} {_both(RESULTS[outcome.result])}</div>\n<table>"
    for name, verdict, why in parts_of(outcome):
        yield _row((_both(name), f"{MARKS[verdict]} {_both(VERDICTS[verdict])}", _both(why) if why.en else ""))
    yield "</table>\n"
    if outcome.findings:
        yield "<ul>" + "".join(f"<li>{_both(sentence(one))}\n" for one in outcome.findings[:ROWS_MAX]) + "</ul>\n"


def _sign(result: Result) -> Verdict:
    return {Result.PASS: Verdict.PASS, Result.FAIL: Verdict.FAIL, Result.PARTIAL: Verdict.NOT_TESTED}[result]


def _weeks(weeks: Sequence[Judged]) -> Iterator[str]:
    yield _heading(
        "Two whole tests in every week, on different days, at least 24 h apart, never more than 84 h without one",
        "每周至少两次全链测试，不在同一天，相隔不少于 24 小时，间隔不超过 84 小时",
    )
    yield "<table>" + _head_row(Text("Week from", "周起始"), Text("Passed", "通过次数"), Text("Verdict", "结论"),
                               Text("Judged by", "判定"))  # fmt: skip
    for one in weeks:
        week = one.week
        by = Text("the gate, at the time", "校门当时判定") if one.by_gate else Text("this ledger", "由本台账推算")
        passes, judge = ("", "") if week is None else (str(week.passes), _both(by))
        yield _row((text_of(one.monday), passes, _compliance(week), judge))
    yield "</table>\n"


def _compliance(week: Week | None) -> str:
    if week is None:
        return f"{MARKS[Verdict.NOT_TESTED]} {_both(Text('not a whole week', '不是完整的一周'))}"
    if week.compliant:
        return f"{MARKS[Verdict.PASS]} {_both(Text('compliant', '达标'))}"
    lacks = "; ".join(_both(LACKS[lack]) for lack in week.lacks)
    return f"<span class=bad>{MARKS[Verdict.FAIL]} {_both(Text('NOT COMPLIANT', '不达标'))}</span>: {lacks}"


def _chart(tests: Sequence[Test], month: Month) -> Iterator[str]:
    """Each test as a mark on its day: how high, by how long the centre's receipt took; its sign, by its result."""
    yield _heading("Tests: time until the centre's receipt", "测试：到指挥中心回执的时间")
    wide, high, left, low = CHART_WIDTH, CHART_HEIGHT, 48, 22
    days = round((month.end_ms - month.begin_ms) / DAY_MS)
    yield f'<svg viewBox="0 0 {wide} {high}" role=img xmlns="http://www.w3.org/2000/svg" font-size=9>'
    for value_ms in (0, 1_000, 2_000, 5_000, 10_000):
        y = _height(value_ms)
        yield f"<line x1={left} x2={wide} y1={y:.1f} y2={y:.1f} stroke=#ccc />"
        yield f"<text x={left - 6} y={y + 3:.1f} text-anchor=end>{value_ms / 1000:g} s</text>"
    for day in range(days):
        x = left + (day + 0.5) * (wide - left) / days
        if day % 2 == 0:
            yield f"<text x={x:.1f} y={high - low + 16} text-anchor=middle>{day + 1}</text>"
    for test in tests:
        if test.moment is None:
            continue
        share = (test.moment.wall_ms - month.begin_ms) / (month.end_ms - month.begin_ms)
        x = left + min(max(share, 0.0), 1.0) * (wide - left)
        taken_ms = next((one.measured for one in test.report.links if one.link is Link.CENTRE), None)
        y = _height(CENTRE_MS_MAX if taken_ms is None else taken_ms)
        yield _mark(x, y, test.report.result, quiet=test.report.kind is chain.Kind.PATH)
    yield "</svg>\n<p class=note>"
    yield _both(
        Text("● pass, ◐ partial, ✕ fail; small: the daily path test. At the top: no receipt, or 10 s and more.",
             "● 通过，◐ 部分通过，✕ 失败；小号为每日通路测试。位于顶端：没有回执，或用了 10 秒以上。")
    )  # fmt: skip
    yield "</p>\n"


def _height(taken_ms: float) -> float:
    """Where a time stands in the chart: the square root, so that 1 s and 10 s can both be read."""
    top, bottom = 10, CHART_HEIGHT - 22
    share: float = (min(max(taken_ms, 0.0), CENTRE_MS_MAX) / CENTRE_MS_MAX) ** 0.5
    return bottom - share * (bottom - top)


def _mark(x: float, y: float, result: Result, *, quiet: bool) -> str:
    size = 2.2 if quiet else 4.5
    if result is Result.FAIL:
        return (
            f'<path d="M{x - size:.1f} {y - size:.1f}l{2 * size} {2 * size}m0 {-2 * size}l{-2 * size} {2 * size}"'
            " stroke=#000 stroke-width=2 />"
        )
    fill = "#111" if result is Result.PASS else "none"
    ring = f"<circle cx={x:.1f} cy={y:.1f} r={size} fill={fill} stroke=#111 stroke-width=1.2 />"
    if result is Result.PASS:
        return ring
    return ring + f'<path d="M{x:.1f} {y - size:.1f}a{size} {size} 0 0 0 0 {2 * size}z" fill=#111 />'


def _tests(tests: Sequence[Test], zone: Zone) -> Iterator[str]:
    """One row a test, one column a link; what failed or was not tested is told below."""
    yield _heading("Every test and its eighteen links", "每次测试与十八个环节")
    yield "<table class=links>" + "<thead><tr><th class=l>#<th class=l>" + _both(Text("When", "时间"))
    yield "<th class=l>" + _both(Text("Kind, by", "种类、触发")) + "<th class=l>" + _both(Text("Result", "结果"))
    for link in Link:
        yield f"<th>{link.value}<br>{LINKS[link].zh}<br>{LINKS[link].en}"
    yield "</thead>\n"
    for test in tests[:ROWS_MAX]:
        yield from _test(test, zone)
    yield "</table>\n" + _more(len(tests)) + "<p class=note>"
    yield " · ".join(f"{MARKS[verdict]} {_both(VERDICTS[verdict])}" for verdict in Verdict) + "</p>\n"


def _test(test: Test, zone: Zone) -> Iterator[str]:
    report = test.report
    failed = " class=fail" if report.result is Result.FAIL else ""
    yield f"<tr{failed}><td class=l>{test.number}<td class=l>{_when(test.moment, zone)}"
    yield f"<td class=l>{_both(KINDS[report.kind])}, {_both(STIMULI[report.stimulus])}"
    for role, name in ((OPERATOR, report.operator), (LINKS[Link.OFFICER], report.officer)):
        yield f"<br>{_both(role)}: {escape(name)}" if name else ""
    yield f"<td class=l>{MARKS[_sign(report.result)]} {_both(TEST_RESULTS[report.result])}"
    verdicts = {one.link: one.verdict for one in report.links}
    for link in Link:
        yield f"<td>{MARKS[verdicts[link]] if link in verdicts else ''}"
    told = [one for one in report.links if one.verdict is Verdict.FAIL]
    if told:
        yield f"<tr{failed}><td><td class=l colspan={3 + len(Link)}>"
        yield "; ".join(f"<b>{_both(LINKS[one.link])} {escape(link_text(one))}</b>" for one in told)
    yield "\n"


def _alarms(alarms: Sequence[Dated], zone: Zone) -> Iterator[str]:
    yield _heading("Alarms", "报警")
    if not alarms:
        yield f"<p>{_both(Text('None in this month.', '本月没有报警。'))}</p>\n"
        return
    yield "<table>" + _head_row(Text("#", ""), Text("When", "时间"), Text("Event", "事件"), Text("Incident", "警情"))
    for one in alarms[:ROWS_MAX]:
        if isinstance(one.content, Record):
            incident = "" if one.content.incident is None else str(one.content.incident)
            cells = (str(one.entry.number), _when(one.moment, zone), escape(str(one.content.id)), escape(incident))
            yield _row(cells)
    yield "</table>\n" + _more(len(alarms))


def _more(count: int) -> str:
    if count <= ROWS_MAX:
        return ""
    left = count - ROWS_MAX
    return f"<p>{_both(Text(f'{left} more are in the CSV file.', f'另有 {left} 条见 CSV 文件。'))}</p>\n"


def _proof(cover: Cover, summary: Summary) -> Iterator[str]:
    """What another person needs in order to check the file behind this page."""
    yield _heading("For whoever checks this", "供核查")
    rows = (
        (Text("Key of the gate (by telephone)", "本校门密钥指纹（可电话核对）"), cover.fingerprint),
        (Text("Public key", "公钥"), cover.public_key),
        (Text("Entries of this month", "本月条目"), str(summary.entries)),
        (Text("Entry before the first one", "首条之前的条目"), _head(summary.before)),
        (Text("Last entry", "末条"), _head(summary.last)),
        (Text("Times are of the zone", "时区"), cover.time_zone),
        (Text("Made", "生成"), f"{cover.made}, gatepost {cover.software}"),
    )
    yield "<table>" + "".join(_row((_both(name), f"<code>{escape(value)}</code>")) for name, value in rows)
    yield "</table>\n<p class=note>"
    yield _both(
        Text("* The gate's clock was not set then; the time was worked out by a later event. ? It was never set.",
             "* 当时校门时钟未校准，时间由之后的事件推算。? 时钟一直未校准。")
    )  # fmt: skip
    yield "</p>\n"


def _head(head: Head | None) -> str:
    return "-" if head is None else f"{head.number}:{head.hash}"


def _when(moment: Moment | None, zone: Zone) -> str:
    return "–" if moment is None else spoken(zone, moment.wall_ms) + SIGNS[moment.basis]
