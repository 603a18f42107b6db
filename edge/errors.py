"""One class per thing an operator can do about a failure, each with its own exit code.

The message says what failed, with what value, and what to do. Exit codes 1 and 2 stay with Python and the
command line's own usage errors.
"""

from __future__ import annotations


class GatepostError(Exception):
    """Base of every failure that a person must act on."""

    exit_code = 1


class SettingsError(GatepostError):
    """The settings file cannot be used: correct the named keys. Carries every mistake at once."""

    exit_code = 3

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class DeviceError(GatepostError):
    """A device or its driver is missing or not permitted: connect, install or permit it."""

    exit_code = 4


class AlreadyRunningError(GatepostError):
    """Another process holds the socket or the state directory: stop it first."""

    exit_code = 5


class CertificateError(GatepostError):
    """A certificate, key or password file cannot be used: replace it."""

    exit_code = 6


class NotReachableError(GatepostError):
    """The daemon does not answer on its socket, or a browser shows nothing: start it, or look in its journal."""

    exit_code = 7


class StorageError(GatepostError):
    """The state directory cannot be used: make it, free it, or give it to the service's user."""

    exit_code = 8


class PortInUseError(GatepostError):
    """A network port is taken by another program: stop it or choose another port."""

    exit_code = 9


class RefusedError(GatepostError):
    """The daemon understood the request and will not do it."""

    exit_code = 10
