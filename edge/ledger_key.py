"""The gate's Ed25519 key: made at the first start, kept for its owner's eyes, and what it signs.

Ed25519 is RFC 8032's. The centre keeps its own key by the same functions. The brain's thread may only sign: the first
call of anything else loads a library, and making a key waits for the card.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge import whole_file
from edge.errors import CertificateError

KEY_FILE = "ledger.key"
PUBLIC_FILE = "ledger.pub"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
"""Where systemd puts credentials (``LoadCredential=ledger.key:FILE``)."""

FINGERPRINT_DIGITS = 20
"""80 bits: enough that nobody finds a second key for it, and short enough to be read out by telephone."""

KEY_BYTES_MAX = 4096

_PUBLIC_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


class GateKey:
    """A private key that signs. Made by ``load_or_make``."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = _raw(key.public_key()).hex()

    def sign(self, digest: bytes) -> str:
        """The signature of these bytes, as 128 hexadecimal digits. About 0.04 ms on a desktop machine."""
        return self._key.sign(digest).hex()


class PublicKey:
    """What checks signatures: all that a verifier needs of a gate."""

    def __init__(self, public_key: str) -> None:
        """Of 64 hexadecimal digits. Raises CertificateError."""
        try:
            self._key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        except ValueError as error:
            raise CertificateError(
                f"public key {public_key[:70]!r} is not 64 hexadecimal digits; take it from: gatepost ledger key"
            ) from error
        self.public_key = public_key.lower()

    def is_genuine(self, digest: bytes, signature: str) -> bool:
        """True where the private key made this signature of these bytes."""
        try:
            self._key.verify(bytes.fromhex(signature), digest)
        except (InvalidSignature, ValueError):
            return False
        return True


def fingerprint(public_key: str) -> str:
    """The short form for the telephone, such as ``3f2a 91bc 0d4e 77a1 c05d``: of the key's SHA-256."""
    digits = sha256(bytes.fromhex(public_key)).hexdigest()[:FINGERPRINT_DIGITS]
    return " ".join(digits[place : place + 4] for place in range(0, FINGERPRINT_DIGITS, 4))


def key_path(state_directory: Path) -> Path:
    """The key's file: systemd's credential where one is given, else the one in the state directory."""
    given = os.environ.get(CREDENTIALS_VARIABLE)
    if given is not None and (Path(given) / KEY_FILE).exists():
        return Path(given) / KEY_FILE
    return state_directory / KEY_FILE


def load_or_make(state_directory: Path) -> GateKey:
    """The gate's key; a new one where no file is. Raises CertificateError: one line, with what to do.

    Waits for the card where it makes one. The public key is written beside it, for everybody to read.
    """
    return load_or_make_at(key_path(state_directory), state_directory / PUBLIC_FILE)


def load_or_make_at(path: Path, public_path: Path, what: str = "ledger key") -> GateKey:
    """As ``load_or_make``, for a key in this file; ``what`` it is called in messages."""
    key = _load(path, what)
    if key is None:
        key = _make(path, what)
    made = GateKey(key)
    with suppress(OSError):  # a convenience: the ledger's first entry says it too
        _write_public(public_path, key.public_key())
    return made


def public_key_of(given: str) -> PublicKey:
    """A public key from a PEM file's path, or from its 64 hexadecimal digits. Raises CertificateError."""
    path = Path(given)
    if not path.is_file():
        return PublicKey(given.strip().replace(" ", ""))
    return _public_key(_read(path), str(path), f"take the gate's {PUBLIC_FILE}")


def public_keys_in(pem: bytes, name: str) -> tuple[PublicKey, ...]:
    """Every public key of a PEM text, which may hold the old and the new one together; ``name`` stands for it.

    Raises CertificateError where one of them is no Ed25519 key, or there is none.
    """
    found = _PUBLIC_PEM.findall(pem)
    todo = "give a file of Ed25519 public keys in PEM form"
    if not found:
        raise CertificateError(f"{name} holds no PEM public key; {todo}")
    return tuple(_public_key(one, name, todo) for one in found)


def public_keys_of(path: Path) -> tuple[PublicKey, ...]:
    """Every public key of a PEM file. Raises CertificateError."""
    return public_keys_in(_read(path), str(path))


def pem_of(key: PublicKey) -> bytes:
    """A public key in PEM form."""
    loaded = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public_key))
    return loaded.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public_key(pem: bytes, name: str, todo: str) -> PublicKey:
    try:
        loaded = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"public key {name} holds no PEM public key; {todo}") from error
    if not isinstance(loaded, Ed25519PublicKey):
        raise CertificateError(f"public key {name} is no Ed25519 key; {todo}")
    return PublicKey(_raw(loaded).hex())


def _load(path: Path, what: str) -> Ed25519PrivateKey | None:
    """The key in this file; None where there is no file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CertificateError(f"{what} {path} cannot be looked at: {error.strerror}; mend the card") from error
    # A credential's group bits are those of an access list that systemd makes for the service's user.
    others = stat.S_IRWXO if os.environ.get(CREDENTIALS_VARIABLE) == str(path.parent) else stat.S_IRWXO | stat.S_IRWXG
    if mode & others:
        raise CertificateError(
            f"{what} {path} can be used by others (mode {stat.S_IMODE(mode):04o}); chmod 600 it, or, if"
            " somebody may have read it, delete it: the gate then makes a new one"
        )
    try:
        loaded = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(
            f"{what} {path} holds no PEM private key without a passphrase; put the key back from its copy"
        ) from error
    if not isinstance(loaded, Ed25519PrivateKey):
        raise CertificateError(f"{what} {path} is no Ed25519 key; put the gate's own key back from its copy")
    return loaded


def _make(path: Path, what: str) -> Ed25519PrivateKey:
    """A new key, whole on the card before anything is signed with it."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        whole_file.lay(path, secret, mode=0o600)
    except OSError as error:
        raise CertificateError(f"{what} {path} cannot be made: {error.strerror}; mend or free the card") from error
    return key


def _write_public(path: Path, key: Ed25519PublicKey) -> None:
    text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if not path.exists() or path.read_bytes() != text:
        path.write_bytes(text)
        path.chmod(0o644)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(KEY_BYTES_MAX)
    except OSError as error:
        raise CertificateError(
            f"key {path} may not be read ({error.strerror}); run this as the service's user, or give the file to it"
        ) from error


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
