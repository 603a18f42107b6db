"""A simulated morning through the real daemon and the real screen: one event for each student, and how soon the word.

In real time. Two gates at once: a BCC close by, a student each second; and a DCI at an arm's length, one every two.
A DCI settles for 0.65 s and needs 1.1 s for one student, so one each second takes two of them. Before each rush
somebody waits for the word: a kiosk at rest looks once in 1.2 s, and may overlook who stands there for less.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from bisect import bisect_right
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from playwright.sync_api import sync_playwright

from benchmarks.child import PATIENCE_S, SCHOOL
from benchmarks.figures import Figure, Results, milliseconds
from benchmarks.parts import Broker, free_port, write_settings
from benchmarks.twins import until
from edge import skin
from edge.client import Client
from edge.sim.students import FIRST, Day, Scene, morning

LOOK_S = 0.02
BEGIN_MS = 5_000
LANES = (("BCC", 1_000, 1_000.0), ("DCI", 2_000, 1_400.0))
"""Part, milliseconds from student to student, milliseconds within which 95 of 100 shall have their word."""

CHROMIUM = shutil.which("chromium")
SHOWN = """
window.shown = [];
new MutationObserver(() => {
  const screen = document.documentElement.dataset.screen;
  requestAnimationFrame(() => setTimeout(() => { window.shown.push([Date.now(), screen]); }));
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-screen"] });
"""
"""Runs in the page: notes each screen when it has been painted."""

VERDICTS = ("normal", "again", "high", "cannot_screen")
KIOSK_MB_MAX = 60
MIB = 1 << 20

TABLES = """
[thermometer]
part = "{part}"
[kiosk]
police_telephone = "110"
port = {port}
"""


class Page:
    """What the screen's page is told, read as the page reads it: (monotonic milliseconds, screen)."""

    def __init__(self, port: int) -> None:
        self.shown: list[tuple[float, str]] = []
        self._answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/events", timeout=PATIENCE_S)
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        """Look away."""
        self._answer.close()

    def _read(self) -> None:
        with suppress(OSError, ValueError, AttributeError):  # closed
            for line in self._answer:
                if line.startswith(b"data: {"):
                    self.shown.append((time.monotonic_ns() / 1e6, json.loads(line[6:])["screen"]))


class Lane:
    """A gate with one part, its screen, and the students before it."""

    def __init__(self, directory: Path, broker: int, part: str, every_ms: int, students: int) -> None:
        self.name = part.lower()
        port = free_port()
        directory.mkdir()
        self._run = directory / "run"
        settings = write_settings(directory, broker, TABLES.format(part=part, port=port), gate=self.name)
        self._log = (directory / "lane.log").open("wb")
        day = Day(students=students, every_ms=every_ms)
        self.students = morning(day, 1, BEGIN_MS)
        self._scene = Scene(day, [FIRST, *self.students], skin.PARTS[part], 1)
        self.gate = self._start("edge", settings)
        self._wait(lambda: self.view()["armed"] and self.view()["brokers"][0]["phase"] == "up")
        self.kiosk = self._start("kiosk", settings)
        self._wait(lambda: json.loads(_get(port, "/health"))["answers"])
        self.address = f"http://127.0.0.1:{port}/"
        self.page = Page(port)
        self.pixels: list[tuple[float, str]] | None = None
        self.begin_ms = 0.0

    def _start(self, module: str, settings: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, "run", "--config", str(settings)]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def _wait(self, true: Callable[[], bool]) -> None:
        def answered() -> bool:
            with suppress(Exception):  # not there yet
                return true()
            return False

        until(answered, f"the lane {self.name} did not start: {Path(self._log.name).read_text()[-3000:]}")

    def view(self) -> dict[str, Any]:
        """What the gate says of itself."""
        return Client(self._run / "view.sock").ask("status")

    def play(self) -> None:
        """Let the students pass before the sensor, in real time."""
        control = Client(self._run / "control.sock")
        self.begin_ms = time.monotonic_ns() / 1e6
        end_ms = self.students[-1].leaves_ms + BEGIN_MS
        while (now_ms := time.monotonic_ns() / 1e6 - self.begin_ms) < end_ms:
            seen, ambient = self._scene.look(round(now_ms))
            control.ask("see", object_celsius=seen, ambient_celsius=ambient)
            time.sleep(LOOK_S)

    def close(self) -> None:
        """End both processes."""
        self.page.close()
        for process in (self.kiosk, self.gate):
            process.terminate()
            process.wait(PATIENCE_S)
        self._log.close()


class Browser:
    """The page in a real Chromium, where one is installed; used by the main thread alone."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._playwright = sync_playwright().start()
        # Where everybody is root, as in a container, Chromium's sandbox cannot be made.
        arguments = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        self._page = self._browser.new_page(viewport={"width": 1024, "height": 600})
        self._page.add_init_script(SHOWN)
        self._page.goto(lane.address)

    def look(self) -> None:
        """Take what was painted so far."""
        ahead_ms = (time.time_ns() - time.monotonic_ns()) / 1e6
        self._lane.pixels = [(at_ms - ahead_ms, screen) for at_ms, screen in self._page.evaluate("window.shown")]

    def close(self) -> None:
        """End it."""
        self._browser.close()
        self._playwright.stop()


class Centre:
    """Keeps every ``temperature`` event: by gate, in the order of their coming."""

    def __init__(self, port: int) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_message = self._came
        listening = threading.Event()
        self._client.on_subscribe = lambda *_: listening.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe(f"{SCHOOL}/+/temperature", 1)
        listening.wait(PATIENCE_S)

    def close(self) -> None:
        """Listen no more."""
        self._client.disconnect()
        self._client.loop_stop()

    def _came(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.events.setdefault(message.topic.split("/")[3], []).append(json.loads(message.payload))


def measure(directory: Path, results: Results, seconds: int, say: Callable[[str], None]) -> None:
    """Students for so many seconds."""
    with ExitStack() as closing:
        broker = Broker(directory)
        closing.callback(broker.close)
        centre = Centre(broker.port)
        closing.callback(centre.close)
        lanes = []
        for part, every_ms, _ in LANES:
            lanes.append(Lane(directory / part, broker.port, part, every_ms, seconds * 1_000 // every_ms))
            closing.callback(lanes[-1].close)
        browser = None
        if CHROMIUM is None:
            say("chromium is not installed: without pixels")
        else:
            browser = Browser(lanes[0])
            closing.callback(browser.close)
        _watch(results, lanes, centre, seconds, say)
        if browser is not None:
            browser.look()
        for lane, (_, _, limit_ms) in zip(lanes, LANES, strict=True):
            _add(results, lane, centre.events.get(lane.name, []), limit_ms)


def _watch(results: Results, lanes: list[Lane], centre: Centre, seconds: int, say: Callable[[str], None]) -> None:
    """Let the morning pass, and add what gate and screen of the first lane cost."""
    watched = [psutil.Process(process.pid) for process in (lanes[0].gate, lanes[0].kiosk)]
    spent_s = [sum(process.cpu_times()[:2]) for process in watched]
    begin = time.monotonic()
    playing = [threading.Thread(target=lane.play) for lane in lanes]
    for thread in playing:
        thread.start()
    for thread in playing:
        while thread.is_alive():
            said = ", ".join(f"{lane.name} {len(centre.events.get(lane.name, []))}" for lane in lanes)
            say(f"students for {time.monotonic() - begin:.0f} of {seconds} s; events: {said}")
            thread.join(10)
    elapsed_s = time.monotonic() - begin
    gate, kiosk = (
        (100 * (sum(process.cpu_times()[:2]) - before_s) / elapsed_s, process.memory_info().rss / MIB)
        for process, before_s in zip(watched, spent_s, strict=True)
    )
    rush = "a student each second, a page open"
    results.add(
        Figure("kiosk process in the rush, memory", kiosk[1], KIOSK_MB_MAX, "MB", f"{kiosk[0]:.1f} % of a core")
    )
    results.add(Figure("gate in the rush, of one core", gate[0], None, "%", f"{gate[1]:.1f} MB; {rush}"))


def _add(results: Results, lane: Lane, events: list[dict[str, Any]], limit_ms: float) -> None:
    events = [event for event in events if _begun_ms(lane, event) >= BEGIN_MS]
    words = [len(said) for said in _matched(lane, events)]
    wrong = sum(count != 1 for count in words) + len(events) - sum(words)
    every_s = (lane.students[1].arrives_ms - lane.students[0].arrives_ms) / 1_000
    pace = f"{lane.name.upper()} each {every_s:g} s"
    verdicts: dict[str, int] = {}
    for event in events:
        verdicts[event["body"]["verdict"]] = verdicts.get(event["body"]["verdict"], 0) + 1
    rest = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    results.add(
        Figure(f"students without one event, {pace}", wrong, 0, "", f"of {len(lane.students)}: {rest}")
    )  # fmt: skip
    ways = {"a word on the page": lane.page.shown}
    if lane.pixels is not None:
        ways["pixels"] = lane.pixels
    for way, shown in ways.items():
        waits_ms = _waits_ms(lane, shown)
        results.add(Figure(f"students with {way}, {pace}", len(waits_ms), len(words), "", least=True))
        results.add(milliseconds(f"arrival to {way}, {pace}, p95", waits_ms, 0.95, limit_ms))


def _waits_ms(lane: Lane, shown: list[tuple[float, str]]) -> list[float]:
    """For each student for whom *measuring* was shown: from arrival to the verdict after it."""
    arrivals = [one.arrives_ms for one in lane.students]
    waits: dict[int, float] = {}
    number = None
    for at_ms, screen in shown:
        since_ms = at_ms - lane.begin_ms
        if screen == "measuring":
            number = bisect_right(arrivals, since_ms) - 1
        elif screen in VERDICTS and number is not None and number >= 0:  # below: the first, who waited
            waits.setdefault(number, since_ms - arrivals[number])
            number = None
    return list(waits.values())


def _matched(lane: Lane, events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Each student's events: those whose visit began while this student stood there."""
    begun = [(_begun_ms(lane, event), event) for event in events]
    return [
        [event for at_ms, event in begun if one.arrives_ms <= at_ms < one.leaves_ms + LOOK_S * 1_000]
        for one in lane.students
    ]  # fmt: skip


def _begun_ms(lane: Lane, event: dict[str, Any]) -> float:
    """When the visit of this event began, in the scene's milliseconds."""
    return float(event["monotonic_ms"] - event["body"]["took_ms"] - lane.begin_ms)


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S) as answer:
        body: bytes = answer.read()
        return body
