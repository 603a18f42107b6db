"""The settings, the daemon's own view of itself, and the services as systemd knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from edge import words, words_chinese
from edge.chain import Verdict
from edge.checks.gate import JOURNAL, SERVICE, Gate
from edge.events import Trouble
from edge.findings import Check, Finding
from edge.languages import Text, same

SETTINGS = Check("settings", Text("Settings", "设置文件"))
ANSWERS = Check("daemon.answers", Text("Daemon", "主程序"))
ARMED = Check("daemon.armed", Text("Button armed", "按钮布防"))
TROUBLES = Check("daemon.troubles", Text("Troubles", "故障"))

RESTARTS_MAX = 3
"""So many restarts by itself may be chance; more are a fault."""

PAGE = Check("screen.page", Text("Page on the screen", "屏幕页面"))

_STARTED = ("ActiveState", "NRestarts", "UnitFileState", "LoadState", "Result")


class Unit(Enum):
    """The services of a gate, as in ``systemd/``."""

    DAEMON = "gatepost"
    CAMERA = "gatepost-camera"
    SCREEN = "gatepost-kiosk"
    BROWSER = "gatepost-browser"


def checks(gate: Gate) -> Iterator[Finding]:
    """Settings and daemon come first: most of what follows depends on them."""
    yield _settings(gate)
    yield from _daemon(gate)
    for unit in units(gate):
        found = _service(gate, unit)
        yield found
        if unit is Unit.BROWSER and found.verdict is Verdict.PASS:
            yield _page(gate)


def units(gate: Gate) -> list[Unit]:
    """The services that the settings ask for."""
    fitted = [Unit.DAEMON]
    if gate.settings is not None:
        fitted += [Unit.CAMERA] if gate.settings.camera is not None else []
        fitted += [Unit.SCREEN, Unit.BROWSER] if gate.settings.kiosk is not None else []
    return fitted


def _settings(gate: Gate) -> Finding:
    if gate.settings is not None:
        return SETTINGS.passed(Text(f"{gate.file}: no mistakes", f"{gate.file}：无错误"))
    first, more = (gate.mistakes or (gate.file,))[0], max(0, len(gate.mistakes) - 1)
    if "Permission denied" in first:
        return SETTINGS.hidden(gate.file)
    return SETTINGS.failed(
        Text(f"{first} (and {more} more)", f"{first}（另有 {more} 处）") if more else same(first),
        Text(f"Correct what this says: gatepost config check {gate.file}",
             f"请按此命令的提示改正：gatepost config check {gate.file}"),
    )  # fmt: skip


def _daemon(gate: Gate) -> Iterator[Finding]:
    asked = gate.asked
    if not asked.permitted:
        yield ANSWERS.hidden("view.sock")
        return
    if asked.view is None:
        start = f"sudo systemctl start {SERVICE}"
        why = asked.reason.partition("): ")[0] + ")"  # what follows is advice, and longer than ours
        yield ANSWERS.failed(same(why), Text(f"{start}. {JOURNAL.en}", f"{start}。{JOURNAL.zh}"))
        return
    yield ANSWERS.passed(Text("it answers", "有应答"))
    if gate.view.get("armed"):
        yield ARMED.passed(Text("a press is noticed", "按下会被识别"))
    else:
        yield ARMED.failed(Text(words.NOT_ARMED.meaning, words_chinese.NOT_ARMED.meaning), JOURNAL)
    standing = gate.view.get("standing", ())
    if not standing:
        yield TROUBLES.passed(Text("none stands", "无"))
    for one in standing:
        yield trouble(str(one.get("trouble")), str(one.get("part") or ""), str(one.get("detail") or ""))


def trouble(name: str, part: str, detail: str) -> Finding:
    """One that stands, in the words of ``gatepost status``."""
    known = {one.value: one for one in Trouble}.get(name)
    check = Check(f"daemon.{name}{':' + part if part else ''}", TROUBLES.title)
    if known is None:
        return check.failed(same(f"{name} {part} {detail}"), JOURNAL)
    english = words.TROUBLES[known]
    chinese = words_chinese.TROUBLES.get(known, english)
    behind = f" ({', '.join(filter(None, (part, detail)))})" if part or detail else ""
    return check.failed(
        Text(f"{english.title}{behind}", f"{chinese.title}{behind}"), Text(english.todo, chinese.todo)
    )  # fmt: skip


def _service(gate: Gate, unit: Unit) -> Finding:
    check = Check(f"service.{unit.value}", Text(f"Service {unit.value}", f"服务 {unit.value}"))
    shown = gate.machine.run("systemctl", "show", unit.value, f"--property={','.join(_STARTED)}")
    if shown is None or shown.code != 0:
        return check.not_here(Text("this system has no systemd to ask", "本系统没有可询问的 systemd"))
    said = dict(line.partition("=")[::2] for line in shown.text.splitlines())
    state, restarts = said.get("ActiveState", ""), said.get("NRestarts", "0")
    elsewhere = said.get("LoadState") == "not-found" or (said.get("UnitFileState"), state) == ("disabled", "inactive")
    if elsewhere and unit is Unit.BROWSER:
        return check.not_here(Text("not switched on: the page is shown elsewhere", "未启用：页面在别处显示"))
    if said.get("LoadState") == "not-found":
        todo = f"sudo systemctl enable --now {unit.value}"
        return check.failed(
            Text("not installed", "未安装"),
            Text(f"Copy systemd/{unit.value}.service; {todo}", f"请复制 systemd/{unit.value}.service；{todo}"),
        )  # fmt: skip
    if state != "active":
        return check.failed(
            Text(f"it is {state}, last result {said.get('Result')}", f"状态 {state}，上次结果 {said.get('Result')}"),
            Text(f"sudo systemctl restart {unit.value}; read: journalctl -u {unit.value} -n 50",
                 f"sudo systemctl restart {unit.value}；查看：journalctl -u {unit.value} -n 50"),
        )  # fmt: skip
    if said.get("UnitFileState") not in ("enabled", "enabled-runtime"):
        return check.failed(
            Text("it runs, but would not start by itself after a power cut", "正在运行，但断电后不会自动启动"),
            same(f"sudo systemctl enable {unit.value}"),
        )
    often = restarts.isdigit() and int(restarts) > RESTARTS_MAX
    return check.judged(
        not often,
        Text(f"it runs, restarted by itself {restarts} times", f"正在运行，自动重启 {restarts} 次"),
        Text(f"Read why: journalctl -u {unit.value} -p warning", f"请查看原因：journalctl -u {unit.value} -p warning"),
    )


def _page(gate: Gate) -> Finding:
    """Whether the browser shows something: the process of the pages says how many screens listen to it."""
    shown = gate.machine.run("systemctl", "show", Unit.SCREEN.value, "--property=StatusText")
    told = re.search(r"\bscreens (\d+)", "" if shown is None else shown.text)
    if told is None:
        return PAGE.not_tested(Text(f"{Unit.SCREEN.value} does not say", f"{Unit.SCREEN.value} 未报告"))
    if int(told[1]) > 0:
        return PAGE.passed(Text("it is open", "已打开"))
    wait = Text(
        "Ask again in 3 minutes: a browser that shows nothing is started again. If it stays so: journalctl -u "
        + Unit.BROWSER.value,
        f"请 3 分钟后再查：没有显示页面的浏览器会自动重新启动。若仍如此：journalctl -u {Unit.BROWSER.value}",
    )
    return PAGE.not_tested(Text("the browser runs, but its page is not open yet", "浏览器在运行，但页面尚未打开"), wait)
