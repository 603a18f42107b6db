"""The doctor's machine: the one that this program runs on. Looks, and changes nothing."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from edge import sensing
from edge.client import Client
from edge.drivers.clock import SystemClock
from edge.drivers.dialling import dialled
from edge.errors import GatepostError
from edge.events import Fact
from edge.kiosk_settings import ThermometerSettings
from edge.machine import Asked, Dialled, FileSeen, Output, Space
from edge.measuring import SkinMissed
from edge.operator_identity import Operator, operator
from edge.requests import VIEW_SOCKET
from edge.settings import BrokerSettings, ClockSettings
from edge.wire import Address

TEXT_BYTES_MAX = 1_000_000
PROGRAM_S_MAX = 10.0
ZONES = "/usr/share/zoneinfo/"

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ThisMachine:
    """Port Machine. One thread calls it."""

    def text(self, path: str) -> str:
        """A file's text, up to a megabyte."""
        with open(path, "rb") as stream:
            return stream.read(TEXT_BYTES_MAX).decode("utf-8", errors="replace")

    def names(self, pattern: str) -> list[str]:
        """The paths that fit a shell pattern, in order."""
        return sorted(glob.glob(pattern))

    def file(self, path: str) -> FileSeen:
        """Rights of a file, directory, device or socket."""
        seen = os.stat(path)
        return FileSeen(
            stat.S_IMODE(seen.st_mode),
            _account(seen.st_uid),
            _group(seen.st_gid),
        )

    def may(self, path: str, *, write: bool = False) -> bool:
        """Whether this user may read it, or read and write it."""
        return os.access(path, os.R_OK | (os.W_OK if write else 0))

    def space(self, path: str) -> Space:
        """Of the file system of this directory."""
        seen = os.statvfs(path)
        return Space(
            seen.f_bavail * seen.f_frsize,
            seen.f_blocks * seen.f_frsize,
            seen.f_favail,
            seen.f_files,
            read_only=bool(seen.f_flag & os.ST_RDONLY),
        )

    def run(self, *words: str) -> Output | None:
        """Run a program that only looks. In a directory of its own: lgpio leaves a pipe where it is started."""
        environment = {"PATH": _PATH, "LC_ALL": "C", "HOME": "/"}
        try:
            with tempfile.TemporaryDirectory() as directory:
                done = subprocess.run(
                    words, env=environment, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True,
                    timeout=PROGRAM_S_MAX, check=False,
                )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        return Output(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def groups(self, user: str) -> frozenset[str] | None:
        """The groups of an account; None where there is no such account."""
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            return None
        numbers = os.getgrouplist(user, account.pw_gid)
        return frozenset(_group(number) for number in numbers)

    def user(self) -> str:
        """The account that looks."""
        return _account(os.geteuid())

    def operator(self) -> Operator:
        """Who looks, with the key that let them in."""
        return operator()

    def zone(self) -> str:
        """By the link /etc/localtime, as systemd keeps it."""
        target = os.path.realpath("/etc/localtime")
        return target.removeprefix(ZONES) if target.startswith(ZONES) else ""

    def wall_ms(self) -> int:
        """The wall clock."""
        return time.time_ns() // 1_000_000

    def clock_error_ms(self, settings: ClockSettings) -> int | None:
        """As the daemon would read it."""
        return SystemClock(settings).read().error_ms

    def sense(self, settings: ThermometerSettings) -> str:
        """One reading with the gate's own hand."""
        facts: list[Fact] = []
        failures: list[str] = []
        hand = sensing.thermopile(settings, SystemClock(ClockSettings()), facts.append, failures.append)
        hand.measure()
        hand.close()
        missed = [fact.reason for fact in facts if isinstance(fact, SkinMissed)]
        return ", ".join(missed + [reason for reason in failures if reason.startswith("reference_")])

    def dial(self, broker: BrokerSettings, address: Address, *, login: bool) -> Dialled:
        """A fresh connection beside the daemon's."""
        return dialled(broker, address, login=login)

    def ask_daemon(self, runtime_directory: str) -> Asked:
        """The view of the daemon whose sockets are there."""
        path = Path(runtime_directory) / VIEW_SOCKET
        try:
            return Asked(Client(path).ask("status"))
        except GatepostError as error:
            return Asked(None, str(error), permitted=not str(error).startswith("you may not"))


def _account(number: int) -> str:
    """An account that was deleted is its number."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
