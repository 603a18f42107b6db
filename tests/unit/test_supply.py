"""The bill of materials, and what is said of the packages on it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from supply.audit import main, verdict
from tests.process.programs import PROJECT

SAFE = {"name": "paho-mqtt", "version": "2.1.0", "vulns": []}
UNSAFE = {"name": "rich", "version": "13.9", "vulns": [{"id": "PYSEC-1", "fix_versions": ["14.0"]}]}
UNKNOWN = {"name": "smbus2", "version": "0.5", "skip_reason": "Dependency not found on PyPI"}
OURS = {"name": "gatepost", "version": "0.1", "skip_reason": "Dependency not found on PyPI"}


def test_where_no_advisories_could_be_asked_it_is_said_and_is_no_success() -> None:
    for report in (None, {"dependencies": []}, {"dependencies": [UNKNOWN, OURS]}):
        assert verdict(report) == (
            0,
            ["NOT AUDITED: no index of advisories could be reached; nothing is known of any package"],
        )


def test_an_unsafe_package_fails_and_is_named_with_its_mended_version() -> None:
    code, lines = verdict({"dependencies": [SAFE, UNSAFE]})
    assert code == 1
    assert lines[0] == "UNSAFE: rich 13.9: PYSEC-1; mended in 14.0"


def test_a_package_that_the_index_does_not_know_is_named() -> None:
    code, lines = verdict({"dependencies": [SAFE, UNKNOWN, OURS]})
    assert (code, lines) == (
        0,
        ["audited: 1 packages, 0 of them unsafe", "NOT AUDITED: the index does not know smbus2"],
    )


def test_a_report_that_is_missing_or_damaged_counts_as_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "damaged").write_text("{")
    for name in ("missing", "damaged"):
        assert main(str(tmp_path / name)) == 0
        assert "NOT AUDITED" in capsys.readouterr().out


@pytest.mark.long
def test_the_bill_names_what_a_gate_runs_and_no_tool_of_ours(tmp_path: Path) -> None:
    out = tmp_path / "sbom.json"
    done = subprocess.run([PROJECT / "scripts" / "sbom", out], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    bill = json.loads(out.read_text())
    names = {one["name"] for one in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert {"gatepost", "cryptography", "gpiozero", "msgspec", "paho-mqtt", "starlette"} <= names
    assert not names & {"pytest", "ruff", "cyclonedx-bom", "pip-audit"}
    assert "audited" in done.stdout.lower()
