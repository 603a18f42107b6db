"""A machine that is not there: its files, programs, clock, sensor and brokers are what a test or a demo describes."""

from __future__ import annotations

import errno
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from edge.kiosk_settings import ThermometerSettings
from edge.machine import Asked, Dialled, FileSeen, Output, Space
from edge.operator_identity import Operator
from edge.settings import BrokerSettings, ClockSettings
from edge.wire import Address

NO_DAEMON = Asked(None, "no daemon answers at /run/gatepost/view.sock (there is no such socket): start it")

T = TypeVar("T")


@dataclass
class DescribedMachine:
    """Port Machine. What is not described is not there; ``hidden`` paths may not be looked at by this user.

    ``programs`` maps a command's words, joined by spaces, to what it says. ``dialled`` maps a broker's name to what
    becomes of a connection. ``sensed`` is why the sensor gives no reading.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, FileSeen] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    spaces: dict[str, Space] = field(default_factory=dict)
    programs: dict[str, Output] = field(default_factory=dict)
    accounts: dict[str, frozenset[str]] = field(default_factory=dict)
    account: str = "root"
    technician: Operator | None = None
    time_zone: str = "Asia/Shanghai"
    now_wall_ms: int = 1_764_000_000_000
    error_ms: int | None = 12
    sensed: str = ""
    brokers: dict[str, Dialled] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)
    daemon: Asked = NO_DAEMON

    def text(self, path: str) -> str:
        """As described."""
        return self._found(self.texts, path)

    def names(self, pattern: str) -> list[str]:
        """Among texts and files."""
        return sorted({path for path in (*self.texts, *self.files) if fnmatch.fnmatchcase(path, pattern)})

    def file(self, path: str) -> FileSeen:
        """As described; a text without rights of its own is 0644 of root."""
        return self._found({**dict.fromkeys(self.texts, FileSeen(0o644)), **self.files}, path)

    def may(self, path: str, *, write: bool = False) -> bool:  # noqa: ARG002 - hidden is hidden for both
        """Whatever is there and not hidden."""
        return path not in self.hidden and (path in self.files or path in self.texts)

    def space(self, path: str) -> Space:
        """As described."""
        return self._found(self.spaces, path)

    def run(self, *words: str) -> Output | None:
        """As described; other programs are not installed."""
        return self.programs.get(" ".join(words))

    def groups(self, user: str) -> frozenset[str] | None:
        """As described."""
        return self.accounts.get(user)

    def user(self) -> str:
        """As described."""
        return self.account

    def operator(self) -> Operator:
        """As described; the account alone where nothing is."""
        return self.technician or Operator(self.account, self.account)

    def zone(self) -> str:
        """As described."""
        return self.time_zone

    def wall_ms(self) -> int:
        """Stands still."""
        return self.now_wall_ms

    def clock_error_ms(self, settings: ClockSettings) -> int | None:  # noqa: ARG002
        """As described."""
        return self.error_ms

    def sense(self, settings: ThermometerSettings) -> str:  # noqa: ARG002
        """As described."""
        return self.sensed

    def dial(self, broker: BrokerSettings, address: Address, *, login: bool) -> Dialled:  # noqa: ARG002
        """As described; remembers which brokers were logged in to."""
        if login:
            self.logins.append(broker.name)
        return self.brokers[broker.name]

    def ask_daemon(self, runtime_directory: str) -> Asked:  # noqa: ARG002
        """As described."""
        return self.daemon

    def _found(self, described: Mapping[str, T], path: str) -> T:
        if path in self.hidden:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        if path not in described:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return described[path]
