"""What ``gatepost selftest`` says, in English and Chinese side by side. The links' names are the ledger's."""

from __future__ import annotations

from edge.chain import Kind, Link, Result
from edge.languages import Text
from edge.planning import Why

MEANINGS: dict[Link, Text] = {
    Link.KEY: Text("cap, spring and contact: only a finger can test them", "按帽、弹簧、触点：只有手指能测试"),
    Link.CABLE: Text("the wires to the button, both contacts", "通往按钮的线缆，两个触点"),
    Link.LOOP: Text("a cut or shorted cable would be noticed", "能否发现线缆断开或短路"),
    Link.GPIO: Text("the input and the daemon see the contact", "输入口和主程序能看到触点"),
    Link.DECISION: Text("a closure becomes a press, a glitch does not", "闭合成为一次按下，干扰不会"),
    Link.STORE: Text("written to the card and read again", "写入存储卡并读回"),
    Link.LAMPS: Text("the status lamp really lights", "状态灯确实亮起"),
    Link.SIREN: Text("current flows in the siren's coil, unheard", "警号线圈有电流，不发声"),
    Link.UPLINK: Text("each broker has it", "每个消息服务器都已收到"),
    Link.CENTRE: Text("the centre's application answers", "指挥中心的程序有回复"),
    Link.OFFICER: Text("an officer confirmed the test's card", "值班警员确认了测试卡"),
    Link.RETURN: Text("the answer reaches the lamp", "回执到达指示灯"),
    Link.POWER: Text("runs on the battery", "能靠电池运行"),
    Link.TAMPER: Text("an opened box is noticed", "能否发现外壳被打开"),
    Link.TIME: Text("the gate's clock against the centre's", "校门时钟与指挥中心时钟之差"),
    Link.LOG: Text("the ledger is whole", "台账完整"),
    Link.WATCHDOG: Text("a daemon that hangs is restarted", "主程序停住时会被重启"),
    Link.THERMOMETER: Text("answers, and plausibly", "有应答且读数合理"),
}

RESULTS: dict[Result, Text] = {
    Result.PASS: Text("PASS: every link that this gate has was proved.", "通过：本校门具备的各环节均已证明。"),
    Result.PARTIAL: Text(
        "PARTIAL: nothing failed, but not all was proved. It does not count for the week.",
        "部分通过：没有失败，但未能全部证明。不计入本周。",
    ),
    Result.FAIL: Text("FAIL: see the links that failed.", "不通过：请看失败的环节。"),
}

WHYS: dict[Why, Text] = {
    Why.PLANNED: Text("as planned", "按计划"),
    Why.MISSED: Text("a missed one is made up for", "补做错过的"),
    Why.FAILED: Text("the last one did not pass", "上次未通过"),
    Why.FIRST: Text("the first of this gate", "本校门的第一次"),
    Why.POWER_ON: Text("after power-on", "上电之后"),
    Why.CLOCK: Text("to confirm the clock", "核对时钟"),
    Why.DAILY: Text("daily", "每日"),
}

NAMES: dict[Kind, Text] = {
    Kind.FULL: Text("Whole-chain test", "全链测试"),
    Kind.PATH: Text("Path test", "通路测试"),
    Kind.HUMAN: Text("Test by hand", "人工测试"),
    Kind.DRILL: Text("Drill", "演练"),
}

WEEKDAYS: tuple[Text, ...] = (
    Text("Mon", "周一"), Text("Tue", "周二"), Text("Wed", "周三"), Text("Thu", "周四"),
    Text("Fri", "周五"), Text("Sat", "周六"), Text("Sun", "周日"),
)  # fmt: skip

RUNNING = Text("{kind}, for {seconds} s; asked for by {by}", "{kind}，已 {seconds} 秒；由 {by} 发起")
BY_ITSELF = Text("the gate itself", "校门自动")
DONE = Text("done", "完成")
WAITING = Text("waiting", "等待")
ASK_OFFICER = Text(
    "Waiting for an officer at the centre to confirm the test's card.", "正在等待指挥中心的值班警员确认测试卡。"
)
PRESS_NOW = Text(
    "The centre's window is open for {seconds} s more: press the button once, shortly. Held for 2 s it is an alarm.",
    "指挥中心的测试窗口还有 {seconds} 秒：请短按一次按钮。按住 2 秒即为真实报警。",
)
NO_PRESS = Text("NOT_TESTED: the window ended without a press.", "未测试：窗口已结束，没有人按下按钮。")
GIVEN_UP = Text(
    "FAIL: the daemon gave the test up; look in the journal (journalctl -u gatepost).",
    "不通过：主程序放弃了测试；请查看日志（journalctl -u gatepost）。",
)
ALARMS = Text(
    "{alarms} real press(es) during the test: an alarm was sent.", "测试期间有 {alarms} 次真实按下：已发出报警。"
)
NO_TEST = Text("no test is known yet", "还没有测试记录")

LAST = Text("Last whole test", "上次全链测试")
NEXT = Text("Next", "下次")
THIS_WEEK = Text("This week", "本周")
LAST_PATH = Text("Last path test", "上次通路测试")
LAST_PERSON = Text("Last press by a person", "上次人工按下")
PAST_WEEKS = Text("Past 8 weeks", "过去 8 周")
NOW = Text("Now", "现在")
NEVER = Text("never", "从未")
NOT_KNOWN = Text("not known yet: the clock has never been confirmed", "未知：时钟尚未核对过")
ONLY_ASKED = Text("only when asked for (selftest.enabled = false)", "仅在要求时（selftest.enabled = false）")
OVERDUE = Text("overdue", "已逾期")
COUNT = Text("{passes} of 2 passes", "通过 {passes} 次，需要 2 次")
LEGEND = Text("■ compliant  □ not  · open or no data", "■ 达标  □ 未达标  · 未结束或无数据")
WEEK_OF = Text("week of {day}", "{day} 起的一周")
COLUMNS = (
    Text("link", "环节"),
    Text("verdict", "结论"),
    Text("measured", "测量值"),
    Text("limit", "限值"),
    Text("why", "说明"),
)

UNITS: dict[str, Text] = {
    "ms": Text("ms", "毫秒"),
    "s": Text("s", "秒"),
    "entries": Text("entries", "条"),
    "celsius": Text("°C", "°C"),
}
