"""Holding the process in memory: in processes of their own, because it cannot be let go again."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

HELD = """
from pathlib import Path
from edge.drivers.pages import hold
print(hold())
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmLck" in line))
"""
POOR = """
import os, resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
if os.geteuid() == 0:
    os.setuid(65534)
"""


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(
    os.geteuid() != 0 and resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY,
    reason="this user may not hold memory: ulimit -l unlimited",
)
def test_all_of_the_process_is_held() -> None:
    said, held_kb = run(HELD)
    assert said == "None"
    assert int(held_kb) > 10_000


def test_a_process_that_may_not_is_told_why_and_what_to_do() -> None:
    said, held_kb = run("from edge.drivers.pages import hold\n" + POOR + HELD)
    assert "LimitMEMLOCK=infinity" in said
    assert int(held_kb) == 0
