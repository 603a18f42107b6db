"""A network of its own for programs, with one cable to this machine that loses packets and breaks. For root only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest

RULES = """
table inet faults {{
    chain out {{ type filter hook output priority 0; policy accept; oifname "lo" accept; {rules} }}
    chain in {{ type filter hook input priority 0; policy accept; iifname "lo" accept; {rules} }}
}}
"""
"""For the cable alone: paho wakes its own thread by a connection to 127.0.0.1, and waits for that without end."""


class Namespace:
    """``here`` is this machine's address at the cable; what runs ``through`` has the other end of it alone."""

    def __init__(self) -> None:
        number = os.getpid() % 65_536
        self.name = f"gatepost-{number}"
        self.here = f"10.213.{number // 256}.1"
        self._there = f"10.213.{number // 256}.2"
        self._ends = (f"gp{number}a", f"gp{number}b")
        self._lost: list[int] = []
        self._percent = 0
        self._silent = False

    @property
    def through(self) -> Sequence[str]:
        """What runs a program in it."""
        return ("ip", "netns", "exec", self.name)

    def __enter__(self) -> Namespace:
        for program, package in (("ip", "iproute2"), ("nft", "nftables")):
            if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
                pytest.skip(f"{program} is not installed: sudo apt install {package}")
        made = _run("ip", "netns", "add", self.name)
        if made.returncode != 0:
            pytest.skip(f"a network namespace needs root and a kernel that has them: {made.stderr.strip()}")
        near, far = self._ends
        for command in (
            f"ip link add {near} type veth peer name {far} netns {self.name}",
            f"ip addr add {self.here}/30 dev {near}",
            f"ip link set {near} up",
            f"ip -n {self.name} addr add {self._there}/30 dev {far}",
            f"ip -n {self.name} link set lo up",
            f"ip -n {self.name} link set {far} up",
        ):
            made = _run(*command.split())
            if made.returncode != 0:
                self.__exit__()
                pytest.skip(f"this kernel makes no cable between two networks ({command}): {made.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        _run("ip", "netns", "del", self.name)
        _run("ip", "link", "del", self._ends[0])

    @property
    def stands(self) -> bool:
        """True while a connection stands that something can be done to."""
        return any(port not in self._lost for port in self._ports())

    # --- faults -------------------------------------------------------------------------------------------------

    def lose(self, percent: int) -> None:
        """So many of a hundred packets get lost, each way."""
        self._percent = percent
        self._rule()

    def cut(self) -> None:
        """The cable has no link, until ``mend``."""
        self._must("ip", "-n", self.name, "link", "set", self._ends[1], "down")

    def hush(self) -> None:
        """Nothing passes, until ``mend``; the link stays up."""
        self._silent = True
        self._rule()

    def forget(self) -> None:
        """Nothing of the connections that stand passes ever again; new ones work."""
        self._lost += self._ports()
        self._rule()

    def mend(self) -> None:
        """End ``cut`` and ``hush``."""
        self._must("ip", "-n", self.name, "link", "set", self._ends[1], "up")
        self._silent = False
        self._rule()

    def delay(self, milliseconds: int) -> bool:
        """Every packet that leaves the programs is so late. False where this kernel cannot do it."""
        words = ("ip", "netns", "exec", self.name, "tc", "qdisc", "replace", "dev", self._ends[1], "root", "netem")
        return _run(*words, "delay", f"{milliseconds}ms").returncode == 0

    def _ports(self) -> list[int]:
        listed = self._must("ip", "netns", "exec", self.name, "ss", "-Htn", "state", "established", "dst", self.here)
        return [int(port) for port in re.findall(rf"{re.escape(self._there)}:(\d+)", listed)]

    def _rule(self) -> None:
        rules = ["drop"] if self._silent else []
        if self._lost:
            ports = ", ".join(map(str, self._lost[-1_000:]))
            rules += [f"tcp sport {{ {ports} }} drop", f"tcp dport {{ {ports} }} drop"]
        if self._percent:
            rules.append(f"numgen random mod 100 < {self._percent} drop")
        text = "flush ruleset\n" + RULES.format(rules="; ".join([*rules, ""]))
        self._must("ip", "netns", "exec", self.name, "nft", "-f", "-", text=text)

    def _must(self, *words: str, text: str = "") -> str:
        done = _run(*words, text=text)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}{text}"
        return done.stdout


def _run(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        return subprocess.run(
            words, input=text, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )
    except OSError as error:
        return subprocess.CompletedProcess(words, 127, "", str(error))
