"""The supervisor that started us: systemd, or a person at a terminal; and the journal that keeps what we say.

Notifications are our own datagrams that never wait. systemd-python's ``notify`` is not used for them: it waits when
the queue of the first process is full, and the brain, whose thread this is, may not. Journal lines with fields go
through systemd-python where it is installed.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TextIO

from edge.ports import Supervisor

try:
    _journal: Any = import_module("systemd.journal")
except ImportError:  # not installed, or another project of the same name
    _journal = None

log = logging.getLogger(__name__)

STATUS_CHARACTERS_MAX = 200
IDENTIFIER = "gatepost"


def supervisor(environ: Mapping[str, str] = os.environ) -> Supervisor:
    """The supervisor this process was started by."""
    address = environ.get("NOTIFY_SOCKET", "")
    return SystemdSupervisor(address) if address else ForegroundSupervisor()


def watchdog_interval_ms(environ: Mapping[str, str] = os.environ) -> int | None:
    """Within how many milliseconds systemd wants to be fed; None when it does not watch this process.

    Feed at half of it or sooner. Malformed variables mean None: systemd writes them, people do not.
    """
    interval_us, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not (interval_us.isascii() and interval_us.isdigit()) or process != str(os.getpid()):
        return None
    return int(interval_us) // 1000 or None


class SystemdSupervisor:
    """Tells systemd by datagrams. The brain's thread calls it; nothing here waits or raises.

    ``address`` is ``NOTIFY_SOCKET``: a path, or ``@`` and an abstract name. ``failed`` counts what did not get out.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        self.failed = 0

    def ready(self) -> None:
        """The button is armed."""
        self._notify("READY=1")

    def feed(self, status: str) -> None:
        """Keep-alive with one line of status."""
        self._notify("WATCHDOG=1\nSTATUS=" + " ".join(status.split())[:STATUS_CHARACTERS_MAX])

    def stopping(self) -> None:
        """An orderly end has begun."""
        self._notify("STOPPING=1")

    def _notify(self, message: str) -> None:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(message.encode(errors="replace"), self._address)
        except (OSError, ValueError) as error:
            self.failed += 1
            if self.failed == 1:
                log.warning("systemd was not told %r: %s; further failures are only counted", message[:20], error)


class ForegroundSupervisor:
    """Nobody supervises: a terminal, a bench, a test. The brain's thread calls it; nothing here waits or raises.

    ``status`` is the last line fed and ``fed`` how often it was.
    """

    def __init__(self) -> None:
        self.status = ""
        self.fed = 0

    def ready(self) -> None:
        """The button is armed."""
        log.info("ready")

    def feed(self, status: str) -> None:
        """Keep-alive with one line of status."""
        self.fed += 1
        self.status = status

    def stopping(self) -> None:
        """An orderly end has begun."""
        log.info("stopping")


def journal_handler(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> logging.Handler:
    """A handler for the root logger: to the journal with fields, or lines on ``stream`` (default: standard error).

    The journal is used when systemd connected the stream to it (``JOURNAL_STREAM`` names the stream's file) and
    systemd-python is there. Give an event's id as ``extra={"event_id": ...}``: it becomes the field
    ``GATEPOST_EVENT_ID``, or the end of the line. Neither handler raises; ``failed`` counts lost lines.
    """
    stream = sys.stderr if stream is None else stream
    in_journal = _is_journal(stream, environ)
    if in_journal and _journal is not None:
        return JournalHandler(_journal.send)
    return LineHandler(stream, with_priority=in_journal)


class JournalHandler(logging.Handler):
    """Sends records to the journal. ``send`` is systemd-python's ``journal.send`` or has its shape. Any thread."""

    def __init__(self, send: Callable[..., object]) -> None:
        super().__init__()
        self._send = send
        self.failed = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record with its fields."""
        try:
            fields: dict[str, str | int] = {
                "PRIORITY": _priority(record),
                "SYSLOG_IDENTIFIER": IDENTIFIER,
                "LOGGER": record.name,
                "THREAD_NAME": record.threadName or "",
                "CODE_FILE": record.pathname,
                "CODE_LINE": record.lineno,  # the library formats this one as a number, and all others as text
                "CODE_FUNC": record.funcName or "",
            }
            if _event_id(record):
                fields["GATEPOST_EVENT_ID"] = _event_id(record)
            self._send(self.format(record), **fields)
        except Exception:  # noqa: BLE001 - a line that is not logged must not stop whoever wrote it
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own name
        """Count the lost line."""
        self.failed += 1


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes records as lines that end with the event's id. ``with_priority`` begins them with systemd's ``<3>``."""

    def __init__(self, stream: TextIO, *, with_priority: bool = False) -> None:
        super().__init__(stream)
        self._with_priority = with_priority
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.failed = 0

    def format(self, record: logging.LogRecord) -> str:
        """One line, more only with a traceback."""
        first, newline, rest = super().format(record).partition("\n")
        if _event_id(record):
            first += f" [event {_event_id(record)}]"
        prefix = f"<{_priority(record)}>" if self._with_priority else ""
        return prefix + first + newline + rest

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own name
        """Count the lost line."""
        self.failed += 1


def _event_id(record: logging.LogRecord) -> str:
    event_id = getattr(record, "event_id", None)
    return "" if event_id is None else str(event_id)


def _priority(record: logging.LogRecord) -> str:
    """The level as syslog counts it: 2 critical to 7 debug."""
    steps = ((logging.CRITICAL, "2"), (logging.ERROR, "3"), (logging.WARNING, "4"), (logging.INFO, "6"))
    return next((number for level, number in steps if record.levelno >= level), "7")


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is the one that systemd connected, not one that a parent's variable speaks of."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False  # not a file at all, as under a test runner
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
