"""Runs the browser at the gate, and ends it once it has shown nothing for minutes: systemd then starts it again.

A browser may run and show nothing: its page crashed, or its first request came to nothing. It does not help itself, and
tells nobody; but the kiosk knows whether a page listens to it.
"""

from __future__ import annotations

import http.client
import logging
import signal
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

import msgspec

from edge.errors import DeviceError, NotReachableError

log = logging.getLogger("gatepost-browser")

LOOPBACK = "127.0.0.1"
LOOK_S = 5.0
ANSWER_S_MAX = 5.0
END_S_MAX = 3.0
SIGNALLED = 128
"""And the signal's number: how a shell tells a program that a signal ended."""


class Health(msgspec.Struct):
    """Of what ``/health`` tells, that which is asked here."""

    screens: int


def run(command: Sequence[str], port: int, patience_s: float) -> int:
    """Run ``command`` with the address of the students' page behind it, until it ends; its exit code, as a shell's.

    The main thread calls it; SIGTERM ends the browser, and then all is well. Raises NotReachableError, and has ended
    the browser, when no page was open for ``patience_s`` though the kiosk on ``port`` answered all the time;
    DeviceError if the program cannot be started.
    """
    address = f"http://{LOOPBACK}:{port}/"
    try:
        browser = subprocess.Popen([*command, address])
    except OSError as error:
        raise DeviceError(f"{command[0]}: {error.strerror}: install it, or name another browser") from error
    told: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        told.append(number)
        browser.terminate()

    signal.signal(signal.SIGTERM, end)
    try:
        code = _watch(browser, port, patience_s, address)
    finally:
        _end(browser)
    return 0 if told else code if code >= 0 else SIGNALLED - code


def _watch(browser: subprocess.Popen[bytes], port: int, patience_s: float, address: str) -> int:
    shown_s, silent = time.monotonic(), False
    while True:
        try:
            return browser.wait(min(LOOK_S, patience_s))
        except subprocess.TimeoutExpired:
            screens, why = _ask(port)
        if screens is None and not silent:
            log.warning("gatepost-kiosk does not answer at %s (%s): what the screen shows is not known", address, why)
        silent = screens is None
        if screens != 0:
            shown_s = time.monotonic()  # without the kiosk no browser can show anything: it is not to blame
        elif time.monotonic() - shown_s >= patience_s:
            raise NotReachableError(
                f"the browser had no page open at {address} for {patience_s:g} s: it is ended, for a fresh start."
                " If this comes again and again, read: journalctl -u gatepost-browser -u gatepost-kiosk"
            )


def _ask(port: int) -> tuple[int | None, str]:
    """How many students' pages are open, or None and why that is not known."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", "/health")
        return msgspec.json.decode(connection.getresponse().read(), type=Health).screens, ""
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        return None, str(error)
    finally:
        connection.close()


def _end(browser: subprocess.Popen[bytes]) -> None:
    """What it has started ends with it, or by systemd."""
    browser.terminate()
    try:
        browser.wait(END_S_MAX)
    except subprocess.TimeoutExpired:
        browser.kill()
        browser.wait()
