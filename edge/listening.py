"""Makes Unix sockets that listen, and clears away those that a killed process left, never those of a live one."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from edge.errors import AlreadyRunningError, StorageError
from edge.requests import PATH_BYTES_MAX

MODE = 0o660
BACKLOG = 16
PROBE_S_MAX = 1.0


class Listening:
    """A listening socket and the file it made."""

    def __init__(self, path: Path, mode: int) -> None:
        """Bind ``path``, which must be free. Raises OSError."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._path = path
        try:
            # Before bind the mode is that of the file to be made: it is never open to all, not for a moment.
            os.fchmod(self.socket.fileno(), mode)
            self.socket.bind(str(path))
            os.chmod(path, mode)  # what the process's umask took away
            made = os.lstat(path)
            self._identity = (made.st_dev, made.st_ino)
            self.socket.listen(BACKLOG)
        except OSError:
            self.socket.close()
            raise

    def close(self) -> None:
        """Listen no more; take the file away if it is still ours."""
        try:
            found = os.lstat(self._path)
            if (found.st_dev, found.st_ino) == self._identity:
                self._path.unlink()
        except OSError:
            pass  # somebody took the file away before; or it stays, and the next start clears it
        self.socket.close()


def listen(directory: Path, names: Sequence[str], mode: int = MODE) -> list[Listening]:
    """Listen on all of these in ``directory``, which is made if missing, or on none.

    Raises AlreadyRunningError where somebody answers on one of them, StorageError where they cannot be made.
    """
    paths = [directory / name for name in names]
    made: list[Listening] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _hold(held, directory)
            for path in paths:  # look at all before one is removed
                _refuse_if_in_use(path)
            for path in paths:
                path.unlink(missing_ok=True)
                made.append(Listening(path, mode))
        finally:
            os.close(held)
    except (OSError, AlreadyRunningError, StorageError) as error:
        for one in made:
            one.close()
        if isinstance(error, OSError):
            raise StorageError(
                f"the local sockets {', '.join(names)} cannot be made in {directory}: {error.strerror or error};"
                " give the directory to the service's user, or name another in gate.runtime_directory"
            ) from error
        raise
    return made


def _hold(directory: int, path: Path) -> None:
    """Two daemons that start at once must not clear each other's sockets away. Let go when the directory is closed."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunningError(
            f"another gatepost daemon is just starting in {path}: leave it, or give this one a gate.runtime_directory"
            " of its own"
        ) from None


def _refuse_if_in_use(path: Path) -> None:
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise StorageError(
            f"socket {path}: the path has more than {PATH_BYTES_MAX} bytes; shorten gate.runtime_directory"
        )
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise StorageError(f"{path} is there and is not a socket: move it away, or name another gate.runtime_directory")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S_MAX)
        outcome = probe.connect_ex(str(path))
    if outcome in (0, errno.EAGAIN, errno.EINPROGRESS):  # the latter two: alive, and busy
        raise AlreadyRunningError(
            f"a gatepost daemon answers on {path}: stop it first (systemctl stop gatepost), or give this one a"
            " gate.runtime_directory of its own"
        )
    if outcome not in (errno.ECONNREFUSED, errno.ENOENT):
        raise OSError(outcome, os.strerror(outcome))
