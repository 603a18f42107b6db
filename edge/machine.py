"""What the doctor may ask of a machine: files, programs, clock, sensor, brokers, and the daemon's own view.

A shape with two implementations: ``drivers.this_machine`` and ``sim.described_machine``. Nothing that is asked here
changes anything on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Protocol

from edge.kiosk_settings import ThermometerSettings
from edge.operator_identity import Operator
from edge.settings import BrokerSettings, ClockSettings
from edge.value import Value
from edge.wire import Address


class FileSeen(Value, frozen=True):
    """A file's permission bits (0 to 0o7777), owner and group by name."""

    mode: int
    owner: str = "root"
    group: str = "root"


class Space(Value, frozen=True):
    """Of the file system that holds a directory. ``files``: inodes, 0 where it does not count them."""

    free_bytes: int
    size_bytes: int
    free_files: int = 0
    files: int = 0
    read_only: bool = False


class Output(Value, frozen=True):
    """What a program said on standard output and standard error, and its exit code."""

    code: int
    text: str
    complaint: str = ""


class Step(IntEnum):
    """How far a fresh connection to a broker got. A step is reached only after all before it."""

    NOTHING = 0
    RESOLVED = 1
    CONNECTED = 2
    ENCRYPTED = 3
    LOGGED_IN = 4


class Dialled(Value, frozen=True):
    """One fresh connection to a broker: the last step that worked, and why the next one did not.

    ``address`` is the one that the name stands for. ``certificate_until_ms``: the end of the broker's own certificate,
    None where not encrypted. ``centre_listening`` as retained at the broker, None where it said nothing.
    """

    step: Step
    reason: str = ""
    address: str = ""
    certificate_until_ms: int | None = None
    centre_listening: bool | None = None


class Asked(Value, frozen=True):
    """The daemon's view, or why there is none. ``permitted`` False: this user may not ask."""

    view: Mapping[str, Any] | None
    reason: str = ""
    permitted: bool = True


class Machine(Protocol):
    """One thread calls all methods. Each is bounded in time: a few seconds at most."""

    def text(self, path: str) -> str:
        """A file's text, up to a megabyte. Raises OSError."""

    def names(self, pattern: str) -> list[str]:
        """The paths that fit a shell pattern, in order; none where the directory cannot be read."""

    def file(self, path: str) -> FileSeen:
        """Rights of a file, directory, device or socket. Raises OSError."""

    def may(self, path: str, *, write: bool = False) -> bool:
        """Whether this user may read it, or read and write it."""

    def space(self, path: str) -> Space:
        """Of the file system of this directory. Raises OSError."""

    def run(self, *words: str) -> Output | None:
        """Run a program that only looks, in the C locale; None where it is not installed or does not end."""

    def groups(self, user: str) -> frozenset[str] | None:
        """The groups of an account; None where there is no such account."""

    def user(self) -> str:
        """The account that looks."""

    def operator(self) -> Operator:
        """Who looks, with the key that let them in."""

    def zone(self) -> str:
        """The time zone of the machine, such as ``Asia/Shanghai``; empty where it is not told."""

    def wall_ms(self) -> int:
        """The wall clock."""

    def clock_error_ms(self, settings: ClockSettings) -> int | None:
        """The bound of its error, None where it is not set or not to be trusted."""

    def sense(self, settings: ThermometerSettings) -> str:
        """Read the infrared sensor, and the reference where one is named, once; the reason why not, else empty."""

    def dial(self, broker: BrokerSettings, address: Address, *, login: bool) -> Dialled:
        """Connect afresh, beside the daemon and not disturbing it; ``login``: as far as MQTT, under another name."""

    def ask_daemon(self, runtime_directory: str) -> Asked:
        """The view of the daemon whose sockets are there."""
