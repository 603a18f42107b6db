"""What is true of the project's files as a whole. Each rule is also shown to find what it forbids."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.camera.detectors import SHIPPED_MODEL
from edge.kiosk_settings import CameraSettings

ROOT = Path(__file__).parents[2]
MODULES = sorted([*ROOT.glob("edge/**/*.py"), *ROOT.glob("centre/**/*.py"), *ROOT.glob("kiosk/**/*.py")])
SCRIPTS = sorted(file for file in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"] if file.is_file())

FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60
# mqtt_session is the half of drivers/mqtt.py that paho's own thread runs in; trust starts none, and has a lock.
THREADS_ALLOWED = re.compile(
    r"centre/.*|kiosk/watcher\.py|edge/drivers/.*"
    r"|edge/(runtime|control|camera_door|camera/watch|mqtt_session|trust|sim/__main__)\.py"
)

LONGER = {
    "edge/events.py": 479,  # one list of words that everybody looks up in one place
}
"""What was longer when the rule came. A ratchet: these figures may only fall, and nothing may join."""

# Put together here so that this file does not contain what it looks for.
DIRECTORIES = re.compile(r"(?<![\w.*}~-])/(?:" + "wo" + "rk|ro" + "ot)/")
REGISTRIES = re.compile(
    "|".join(name.replace(" ", r"\.") for name in ["pypi org", "pythonhosted org", "piwheels org", "deb debian org"]),
    re.IGNORECASE,
)


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def project_files() -> Iterator[Path]:
    """What git keeps, or would keep; without git everything that is not hidden or made."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
        files = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        made = re.compile(r"__pycache__|\.egg-info|^\.(?!ci)|^build/")
        files = [file for file in ROOT.rglob("*") if not made.search(name_of(file))]
    return (file for file in files if file.is_file())


def foreign_names(text: str) -> list[str]:
    """Directories of one machine and hosts of registries that a text speaks of."""
    return [found.group() for rule in (DIRECTORIES, REGISTRIES) for found in rule.finditer(text)]


def functions_of(source: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def imports_of(source: str) -> set[str]:
    """First words of the modules a source imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def opening_comment(text: str) -> str:
    """What a script says about itself right after its first line: comment or docstring."""
    body = text.partition("\n")[2].lstrip()
    if body.startswith("#"):
        return body.partition("\n")[0].lstrip("# ")
    return body[3:] if body.startswith('"""') else ""


def test_no_file_speaks_of_one_machine_or_of_a_registry() -> None:
    found = {}
    for file in project_files():
        names = foreign_names(file.read_bytes().decode(errors="ignore"))
        if names:
            found[name_of(file)] = names
    assert found == {}


def test_the_rule_about_machines_finds_what_it_forbids() -> None:
    for text in ("x = '/wo" + "rk/main/x'", "/ro" + "ot/.cache", "https://PyPI" + ".org/x"):
        assert foreign_names(text), text
    for text in ("frame/" + "work/x", "ROOT" + "/root.pem", "/var/lib/gatepost", "~/wo" + "rk/x"):
        assert not foreign_names(text), text


@pytest.mark.parametrize("file", SCRIPTS, ids=name_of)
def test_a_script_can_be_run_and_says_what_it_does(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert os.access(file, os.X_OK)
    assert text.startswith("#!")
    assert len(opening_comment(text)) >= 20


def test_a_script_without_a_word_about_itself_is_found() -> None:
    assert opening_comment("#!/bin/sh\nset -eu\n# later\n") == ""


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_a_module_says_what_it_knows_and_stays_readable(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), "no module docstring"
    lines = len(source.splitlines())
    allowed = LONGER.get(name_of(file), FILE_LINES_MAX)
    assert lines <= allowed, f"{lines} lines, {allowed} allowed: split this file, it is two ideas"
    for name, lines in functions_of(source):
        allowed = LONGER.get(f"{name_of(file)} {name}", FUNCTION_LINES_MAX)
        assert lines <= allowed, f"{name} has {lines} lines, {allowed} allowed"


def test_the_length_of_a_function_counts_its_whole_body() -> None:
    assert list(functions_of("def one():\n    a = 1\n\n    return a\n")) == [("one", 4)]


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_threads_live_only_where_the_architecture_has_them(file: Path) -> None:
    imported = imports_of(file.read_text(encoding="utf-8")) & {"threading", "_thread", "concurrent", "multiprocessing"}
    assert not imported or THREADS_ALLOWED.fullmatch(name_of(file)), f"{imported} in {name_of(file)}"


def test_an_import_is_found_in_every_form() -> None:
    source = "import threading as t\ndef f():\n    from concurrent.futures import Future\n"
    assert imports_of(source) == {"threading", "concurrent"}


def clock_readings_in(source: str) -> list[str]:
    """Every name by which ``datetime`` or ``time`` would tell what time it is now."""
    asking = {"now", "today", "utcnow", "time_ns", "monotonic", "localtime"}
    return [
        node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute) and node.attr in asking
    ]


def test_the_module_that_knows_dates_asks_nobody_what_time_it_is() -> None:
    """It is the one hole in the pure contract: from there on everything that is told a time must be told it."""
    source = (ROOT / "edge" / "local_time.py").read_text(encoding="utf-8")
    assert imports_of(source) == {"__future__", "datetime", "zoneinfo", "edge"}
    assert clock_readings_in(source) == []
    assert clock_readings_in("a = datetime.now(UTC)\nb = date.today()") == ["now", "today"]


def test_the_licence_of_the_face_detector_comes_with_it() -> None:
    text = (SHIPPED_MODEL.parent / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in text
    assert "Copyright (c) 2020 Shiqi Yu" in text
    assert hashlib.sha256(SHIPPED_MODEL.read_bytes()).hexdigest() == CameraSettings().model_sha256


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("wiring", ["plain", "supervised"])
def test_the_drawing_in_the_documents_is_the_one_that_gatepost_makes(wiring: str) -> None:
    settings = ROOT / "config" / f"{wiring}-button.toml"
    command = [sys.executable, "-m", "edge", "wiring", "--svg", "--language", "en", "--config", str(settings)]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert drawn == (ROOT / "docs" / f"wiring-{wiring}.svg").read_text(encoding="utf-8"), f"make it anew: {command}"
