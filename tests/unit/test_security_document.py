"""docs/security.md names a test for each threat, and says something of each provision. Do they exist?"""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.process.programs import PROJECT

DOCUMENT = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)))
FILES = sorted(set(re.findall(r"`((?:docs/|[A-Z]+\.)[\w./-]*md)`", DOCUMENT)))

ETSI = ("5.0-1", "5.2-1", "5.3-13", "5.3-16", "5.4-3", "5.5-1", "5.6-2", "5.11-1", "5.13-1A", "5.13-1B", "6-1")
NIST = (
    "device identification",
    "device configuration",
    "data protection",
    "logical access to interfaces",
    "software update",
    "cybersecurity state awareness",
)


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its first two lines."""
    chapter = DOCUMENT.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in chapter.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@cache
def names_in(file: str) -> set[str]:
    tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize("file", FILES)
def test_a_named_page_exists(file: str) -> None:
    assert (PROJECT / file).is_file()


def test_each_threat_has_an_answer_and_a_test_and_all_six_kinds_are_there() -> None:
    threats = rows("Threats (STRIDE)")
    for kind, threat, answer, tests in threats:
        assert threat, kind
        assert answer, threat
        assert "::test_" in tests, f"no test is named for: {threat}"
    assert {kind for kind, *_ in threats} == {f"**{letter}**" for letter in "STRIDE"}


def test_each_of_the_eleven_provisions_and_six_capabilities_says_where_it_is_met() -> None:
    for heading, wanted in (("ETSI EN 303 645", ETSI), ("NIST IR 8259A", NIST)):
        found = {row[0]: row[-1] for row in rows(heading)}
        assert tuple(found) == wanted
        assert all("`" in where or "this page" in where for where in found.values())
