"""The file that a county sends to update a gate: wheels, a list of them, and the county's signature under the list.

A plain tar: ``manifest.json``, ``manifest.sig`` (Ed25519 over the manifest's bytes), then ``wheels/*.whl``. Nothing in
it is believed before the signature holds, and no wheel is kept whose SHA-256 is not in the manifest.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Meta

from edge.errors import CertificateError, RefusedError
from edge.value import Value

MANIFEST, SIGNATURE, WHEELS = "manifest.json", "manifest.sig", "wheels"
MANIFEST_BYTES_MAX = 1_000_000
WHEELS_BYTES_MAX = 500_000_000
WHEEL = re.compile(r"[A-Za-z0-9_.+-]{1,200}\.whl")

Version = Annotated[str, Meta(pattern=r"^[0-9][0-9A-Za-z.+]{0,39}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Manifest(Value, frozen=True, forbid_unknown_fields=True):
    """What is in the file and whom it fits: a Python (``3.11``), a processor as ``uname -m`` names it, extras."""

    product: str
    version: Version
    python: str
    machine: str
    extras: tuple[Annotated[str, Meta(pattern=r"^[a-z]{1,20}\Z")], ...]
    wheels: dict[str, Sha256]


def public_key(file: Path) -> Ed25519PublicKey:
    """The county's key, PEM. Raises CertificateError."""
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a public key in PEM form"
        raise CertificateError(f"update.key_file {file}: {reason}; put the county's key for updates there") from error
    if not isinstance(key, Ed25519PublicKey):
        raise CertificateError(f"update.key_file {file}: not an Ed25519 key; put the county's key for updates there")
    return key


def unpack(file: Path, key: Ed25519PublicKey, directory: Path) -> Manifest:
    """Check ``file`` and put its wheels into ``directory``, which is emptied first.

    Raises RefusedError for anything that is not as the county signed it, OSError where the card fails.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        with tarfile.open(file, "r:") as archive:
            members = iter(archive)
            manifest = _manifest(archive, members, key, file)
            _wheels(archive, members, manifest, directory, file)
    except tarfile.TarError as error:
        raise RefusedError(f"{file} is no update: {error}; copy it to this gate once more") from error
    return manifest


def _manifest(
    archive: tarfile.TarFile, members: Iterable[tarfile.TarInfo], key: Ed25519PublicKey, file: Path
) -> Manifest:
    parts = []
    for name, member in zip((MANIFEST, SIGNATURE), members, strict=False):
        stream = archive.extractfile(member) if member.isreg() and member.size <= MANIFEST_BYTES_MAX else None
        if member.name != name or stream is None:
            raise RefusedError(f"{file} is no update: {name} is not where it belongs; make it by scripts/make-update")
        parts.append(stream.read())
    if len(parts) != 2:
        raise RefusedError(f"{file} is no update: it ends too early; copy it to this gate once more")
    try:
        key.verify(parts[1], parts[0])
    except InvalidSignature:
        raise RefusedError(
            f"{file} is not signed with the county's key: do not use it; ask where it comes from"
        ) from None
    try:
        manifest = msgspec.json.decode(parts[0], type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(
            f"{file}: the county's list is not understood ({error}): it is for another gatepost"
        ) from error
    if manifest.product != "gatepost" or not all(map(WHEEL.fullmatch, manifest.wheels)):
        raise RefusedError(f"{file}: the county's list is of another product; ask for an update of gatepost")
    return manifest


def _wheels(
    archive: tarfile.TarFile, members: Iterable[tarfile.TarInfo], manifest: Manifest, directory: Path, file: Path
) -> None:
    missing, left_bytes = dict(manifest.wheels), WHEELS_BYTES_MAX
    for member in members:
        folder, _, name = member.name.partition("/")
        stream = archive.extractfile(member) if member.isreg() else None
        left_bytes -= member.size
        if folder != WHEELS or name not in missing or stream is None or left_bytes < 0:
            raise RefusedError(f"{file}: {member.name!r} does not belong there; copy the update once more")
        if _copied(stream, directory / name) != missing.pop(name):
            raise RefusedError(f"{file}: {name} is damaged; copy the update once more")
    if missing:
        raise RefusedError(f"{file}: {min(missing)} is missing; copy the update once more")


def _copied(stream: object, target: Path) -> str:
    """Copy to the card; the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    source: BinaryIO = stream  # type: ignore[assignment]  # typeshed names only what it shares with text
    with target.open("wb") as copy:
        while block := source.read(1 << 20):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.hexdigest()
