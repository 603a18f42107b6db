"""The gates' public keys as the centre knows them: a directory with one PEM file for each gate.

A file holds one key, or two while a gate's key is replaced; a gate whose file is there must sign. A file without a
key is that of a gate whose key was withdrawn: nothing verifies for it.
"""

from __future__ import annotations

import logging
from pathlib import Path

from edge import whole_file
from edge.errors import CertificateError, RefusedError, StorageError
from edge.ledger_key import PublicKey, pem_of, public_keys_in
from edge.wire import Address

log = logging.getLogger(__name__)

DIRECTORY = "keys"
"""Beside the centre's database."""

KEYS_MAX = 2
SUFFIX = ".pem"
WITHDRAWN = b"# withdrawn: nothing that claims to come from this gate is genuine\n"

Sign = tuple[int, int, int]


class GateKeys:
    """Used by the centre's service and by its commands, each with its own. A changed file is noticed at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, tuple[Sign, tuple[PublicKey, ...]]] = {}

    def add(self, gate_name: str, pem: str | bytes) -> None:
        """Put a gate's public key on record; of those that were, the newest stays valid beside it.

        ``gate_name`` is ``county/school/gate``. Raises RefusedError for a name that is none, CertificateError for what
        is no Ed25519 public key in PEM form, StorageError where it cannot be kept.
        """
        path = self._path(gate_name)
        added = public_keys_in(pem.encode() if isinstance(pem, str) else pem, f"the key of {gate_name}")
        known = self.of(gate_name) or ()
        names = {key.public_key for key in added}
        keys = [*added, *(key for key in known if key.public_key not in names)][:KEYS_MAX]
        self._write(path, b"".join(map(pem_of, keys)))

    def withdraw(self, gate_name: str) -> None:
        """Nothing verifies for this gate from now on. Raises RefusedError or StorageError."""
        self._write(self._path(gate_name), WITHDRAWN)

    def of(self, gate_name: str) -> tuple[PublicKey, ...] | None:
        """The keys that this gate may sign with; None where none was ever put on record. Never raises."""
        path = self._directory / (gate_name.replace("/", ".") + SUFFIX)
        try:
            found = path.stat()
        except OSError:
            return None
        sign = (found.st_mtime_ns, found.st_size, found.st_ino)
        known = self._read.get(gate_name)
        if known is not None and known[0] == sign:
            return known[1]
        keys = self._load(path)
        self._read[gate_name] = sign, keys
        return keys

    def names(self) -> list[str]:
        """Every gate on record."""
        return sorted(file.name.removesuffix(SUFFIX).replace(".", "/") for file in self._directory.glob(f"*{SUFFIX}"))

    def _load(self, path: Path) -> tuple[PublicKey, ...]:
        """A file that cannot be used is that of a gate that must sign: nothing verifies until somebody mends it."""
        try:
            content = path.read_bytes()
            return () if content == WITHDRAWN else public_keys_in(content, str(path))
        except (OSError, CertificateError) as error:
            log.error("key of a gate cannot be used: %s: nothing of this gate is believed until it can", error)
            return ()

    def _path(self, gate_name: str) -> Path:
        parts = gate_name.split("/")
        try:
            if len(parts) != 3:
                raise ValueError("three names are wanted")
            Address(*parts)
        except ValueError as error:
            raise RefusedError(f"{gate_name[:130]!r} is no county/school/gate: {error}") from error
        return self._directory / (".".join(parts) + SUFFIX)

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            whole_file.lay(path, content, mode=0o644)
        except OSError as error:
            raise StorageError(f"key {path} cannot be kept: {error.strerror}: give the directory to us") from error
