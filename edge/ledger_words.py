"""What the ledger's commands and its printed page say, in English and Chinese side by side."""

from __future__ import annotations

from edge.chain import Kind, Link, Result, Stimulus, Verdict
from edge.diary import Lack
from edge.languages import Text
from edge.ledger_check import Fault, Finding, Outcome

FAULTS: dict[Fault, Text] = {
    Fault.MALFORMED: Text("line or row {range} is not an entry: it was changed or damaged",
                          "第 {range} 行不是有效条目：已被改动或损坏"),
    Fault.EDITED: Text("entry {range} was changed after it was written", "条目 {range} 在写入后被改动"),
    Fault.DELETED: Text("entry {range} is missing", "条目 {range} 缺失"),
    Fault.REORDERED: Text("entry {range} stands after entry {detail}: the order was changed, or it stands twice",
                          "条目 {range} 排在条目 {detail} 之后：顺序被改动，或重复出现"),
    Fault.REPLACED: Text("entries {range} do not follow one another: one of them was put in another's place",
                         "条目 {range} 前后不衔接：其中一条被替换"),
    Fault.CUT: Text("the end is cut off: entry {range} is known outside and missing here",
                    "末尾被截断：外部已知的条目 {range} 在此缺失"),
    Fault.REWRITTEN: Text("entry {range} is not the one that is known outside: the ledger was written anew",
                          "条目 {range} 与外部所知的不同：台账被重写"),
    Fault.OTHER_START: Text("entry {range} does not follow {detail}: the beginning is cut off or of another ledger",
                            "条目 {range} 与 {detail} 不衔接：开头被截断，或属于另一台账"),
    Fault.FORGED: Text("entry {range} is not signed with the gate's key", "条目 {range} 不是用本校门的密钥签名的"),
    Fault.WRONG_KEY: Text("entry {range} is signed with another key, {detail}: ask the county whether it is the gate's",
                          "条目 {range} 用另一把密钥 {detail} 签名：请向县中心核实是否属于本校门"),
    Fault.UNSIGNED: Text("entry {range} has no signature: {detail}", "条目 {range} 没有签名：{detail}"),
    Fault.BEGAN_ANEW: Text("the ledger began anew at entry {range}: {detail}", "台账从条目 {range} 重新开始：{detail}"),
    Fault.ROLLED_BACK: Text("the gate itself noticed at entry {range} that {detail}",
                            "校门自己在条目 {range} 处发现：{detail}"),
}  # fmt: skip

PARTS: dict[str, tuple[Text, Text]] = {
    "start": (
        Text("Beginning", "开头"),
        Text("what came before is not known here; give --after NUMBER:HASH, or the file of the month before as well",
             "此前的内容未知；请用 --after 编号:哈希，或同时给出上个月的文件"),
    ),
    "chain": (Text("Chain", "链条"), Text("there are no entries", "没有条目")),
    "signatures": (
        Text("Signatures", "签名"),
        Text("not all of them could be judged", "不能全部判定"),
    ),
    "end": (
        Text("End", "末尾"),
        Text("a cut end shows only against a head that is known outside; give --head NUMBER:HASH as the centre has it",
             "只有对照外部所知的链头才能看出末尾被截断；请按县中心所记用 --head 编号:哈希 给出"),
    ),
}  # fmt: skip
"""Name of each part of an outcome, and why it was not tested."""

RESULTS: dict[Result, Text] = {
    Result.PASS: Text("PASS: everything is here, in order, unchanged", "通过：内容齐全、顺序正确、未被改动"),
    Result.PARTIAL: Text("PARTIAL: nothing was found to be wrong, and not everything could be proved",
                         "部分通过：未发现问题，但未能全部证明"),
    Result.FAIL: Text("FAIL: this ledger is not as the gate wrote it", "不通过：台账与校门所写的不一致"),
}  # fmt: skip

ENTRIES = Text(
    "{entries} entries, the newest {head}\nkey {keys}",
    "共 {entries} 条，最新 {head}\n密钥 {keys}",
)
MORE = Text("and {more} more", "另有 {more} 处")

VERDICTS: dict[Verdict, Text] = {
    Verdict.PASS: Text("pass", "通过"),
    Verdict.FAIL: Text("FAIL", "失败"),
    Verdict.NOT_TESTED: Text("not tested", "未测试"),
    Verdict.SIMULATED: Text("simulated", "模拟"),
}

MARKS: dict[Verdict, str] = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.NOT_TESTED: "–",
    Verdict.SIMULATED: "≈",
}
"""One sign for each verdict, clear on paper without colour."""

KINDS: dict[Kind, Text] = {
    Kind.FULL: Text("whole chain", "全链"),
    Kind.PATH: Text("daily path", "每日通路"),
    Kind.HUMAN: Text("by hand", "人工按下"),
    Kind.DRILL: Text("drill", "演练"),
}

OPERATOR = Text("technician", "技术员")

STIMULI: dict[Stimulus, Text] = {
    Stimulus.PERSON: Text("a person", "人员"),
    Stimulus.LOOPBACK: Text("relay", "继电器"),
    Stimulus.CONTACT_PORT: Text("software", "软件"),
}

TEST_RESULTS: dict[Result, Text] = {
    Result.PASS: Text("PASS", "通过"),
    Result.PARTIAL: Text("PARTIAL", "部分"),
    Result.FAIL: Text("FAIL", "失败"),
}

LACKS: dict[Lack, Text] = {
    Lack.TOO_FEW: Text("fewer than two passes", "通过不足两次"),
    Lack.TOO_CLOSE: Text("the passes are less than 24 h apart", "两次通过相隔不足 24 小时"),
    Lack.GAP: Text("more than 84 h without a pass", "超过 84 小时没有通过"),
    Lack.NO_PERSON: Text("no press by a person", "没有人工按下"),
}

LINKS: dict[Link, Text] = {
    Link.KEY: Text("button", "按钮"),
    Link.CABLE: Text("cable", "线缆"),
    Link.LOOP: Text("loop", "回路"),
    Link.GPIO: Text("input", "输入口"),
    Link.DECISION: Text("decision", "判定"),
    Link.STORE: Text("store", "存储"),
    Link.LAMPS: Text("lamps", "指示灯"),
    Link.SIREN: Text("siren", "警号"),
    Link.UPLINK: Text("broker", "消息服务器"),
    Link.CENTRE: Text("centre", "指挥中心"),
    Link.OFFICER: Text("officer", "值班警员"),
    Link.RETURN: Text("way back", "回执"),
    Link.POWER: Text("power", "电源"),
    Link.TAMPER: Text("tamper", "防拆"),
    Link.TIME: Text("time", "时间"),
    Link.LOG: Text("ledger", "台账"),
    Link.WATCHDOG: Text("watchdog", "看门狗"),
    Link.THERMOMETER: Text("thermometer", "测温"),
}


def range_of(finding: Finding) -> str:
    """``7`` or ``7-9``."""
    return str(finding.first) if finding.first == finding.last else f"{finding.first}-{finding.last}"


def sentence(finding: Finding) -> Text:
    """What was found, as a sentence."""
    words, range = FAULTS[finding.fault], range_of(finding)
    return Text(*(one.format(range=range, detail=finding.detail) for one in words))


def parts_of(outcome: Outcome) -> list[tuple[Text, Verdict, Text]]:
    """The parts of an outcome: name, verdict, and why it was not tested where it was not."""
    verdicts = {
        "start": outcome.start, "chain": outcome.chain, "signatures": outcome.signatures, "end": outcome.end,
    }  # fmt: skip
    return [
        (name, verdicts[part], why if verdicts[part] is Verdict.NOT_TESTED else Text("", ""))
        for part, (name, why) in PARTS.items()
    ]
