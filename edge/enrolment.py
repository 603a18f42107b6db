"""A gate's certificate on the gate: the key is made here and never leaves, a request goes out, an answer is laid down.

Nothing here talks to the daemon. It reads its files anew at each dial, so a connection that stands goes on with the old
certificate, and the next one uses the new: both are valid meanwhile. Commands for people call this.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge import ledger_key, whole_file
from edge.errors import CertificateError, RefusedError, SettingsError, StorageError
from edge.identity import Answer, common_name, make_request, name_of, read_answer, read_request
from edge.settings import BrokerSettings, Settings
from edge.wire import Address

NEW = ".new"
"""Ends the name of a key whose certificate has not come yet."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and its fingerprint for the telephone."""

    name: str
    pem: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Installed:
    """What was laid down. ``fingerprint``: of the authority and the centre's keys, for the telephone."""

    name: str
    until: datetime
    fingerprint: str
    files: tuple[str, ...]


class Enrolment:
    """One broker's three files. Every method raises GatepostError in one line, and then changes no file of them."""

    def __init__(self, settings: Settings, broker: str | None) -> None:
        """``broker``: its name in the settings; None takes the first one that names all three files."""
        gate = settings.gate
        self._address = Address(gate.county, gate.school, gate.gate)
        self._state = Path(gate.state_directory)
        if not self._state.is_dir():
            raise StorageError(f"{self._state} is not there yet: start the service once (systemctl start gatepost)")
        found = _broker(settings, broker)
        self._certificate, self._key, self._authority = (
            Path(str(file)) for file in (found.certificate_file, found.private_key_file, found.ca_file)
        )

    def ask(self, *, new_key: bool) -> Asked:
        """A request of this gate. With ``new_key``, or where there is none, a key is made: it waits beside the old one.

        A request that is repeated before its answer came is of the same key.
        """
        name = name_of(self._address)
        waiting = self._waiting()
        key = _load(waiting) or (None if new_key else _load(self._key))
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            secret = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            self._lay(waiting, secret, 0o600)
        pem = make_request(name, key, self._signing_key())
        return Asked(name, pem, read_request(pem, "the request").fingerprint)

    def install(self, pem: bytes, source: str, now: datetime, centre_file: Path, *, new_authority: bool) -> Installed:
        """Check that the answer fits this gate, then lay down authority, centre's keys, key and certificate."""
        answer = read_answer(pem, source)
        key_file, certificate = self._fitting(answer, source)
        self._refuse_unfit(certificate, answer, source, now)
        if not new_authority:
            self._refuse_strangers(answer, source)
        files = []
        if answer.centre_keys:
            self._lay(centre_file, answer.centre_keys, 0o644)
            files.append(str(centre_file))
        # The authority first: the broker that it vouches for may already be the new one.
        self._lay(self._authority, b"".join(map(_pem, answer.authorities)), 0o644)
        if key_file != self._key:
            try:
                key_file.replace(self._key)
            except OSError as error:
                raise StorageError(
                    f"{self._key} cannot be replaced: {error.strerror}; mend or free the card"
                ) from error
        self._lay(self._certificate, _pem(certificate), 0o644)
        files += [str(self._authority), str(self._key), str(self._certificate)]
        until = certificate.not_valid_after_utc
        return Installed(name_of(self._address), until, answer.fingerprint, tuple(files))

    def _fitting(self, answer: Answer, source: str) -> tuple[Path, x509.Certificate]:
        """The key of ours that one of the certificates belongs to; the waiting one first."""
        for file in (self._waiting(), self._key):
            key = _load(file)
            for certificate in answer.certificates:
                if key is not None and certificate.public_key() == key.public_key():
                    return file, certificate
        raise CertificateError(
            f"{source} belongs to no key of this gate: it answers another gate's request, or an older one; ask again"
        )

    def _refuse_unfit(self, certificate: x509.Certificate, answer: Answer, source: str, now: datetime) -> None:
        name, wanted = common_name(certificate.subject), name_of(self._address)
        if name != wanted:
            raise CertificateError(f"{source} is for {name[:130]!r}, this gate is {wanted}; give the right file")
        if not any(_signed_by(certificate, authority) for authority in answer.authorities):
            raise CertificateError(f"{source} is not signed by the authority in it; ask for it again")
        try:
            uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except x509.ExtensionNotFound:
            uses = None
        if uses is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
            raise CertificateError(f"{source} is not for logging in at a broker; ask for a gate's certificate")
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise CertificateError(
                f"{source} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} to"
                f" {certificate.not_valid_after_utc:%Y-%m-%d}, this machine's clock says {now:%Y-%m-%d}: set the clock,"
                " or ask for another"
            )

    def _refuse_strangers(self, answer: Answer, source: str) -> None:
        """An authority that the gate does not trust yet, where it trusts one: somebody may want to be the centre."""
        if not self._authority.exists():
            return
        try:
            trusted = x509.load_pem_x509_certificates(_read(self._authority))
        except ValueError:
            return  # what is there is of no use to anybody
        if not any(one in trusted for one in answer.authorities):
            raise RefusedError(
                f"{source} comes from another authority than the one in {self._authority}: compare the fingerprint"
                f" {answer.fingerprint} by telephone, then say --new-authority"
            )

    def _signing_key(self) -> Ed25519PublicKey:
        made = ledger_key.load_or_make(self._state)
        for file in (ledger_key.key_path(self._state), self._state / ledger_key.PUBLIC_FILE):
            self._give(file)
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(made.public_key))

    def _waiting(self) -> Path:
        return self._key.with_name(self._key.name + NEW)

    def _lay(self, file: Path, content: bytes, mode: int) -> None:
        """Whole or not at all, with these rights, and for the service's user."""
        try:
            whole_file.lay(file, content, mode=mode, owner=self._owner())
        except OSError as error:
            raise StorageError(f"{file} cannot be written: {error.strerror}; use sudo, and free the card") from error

    def _owner(self) -> tuple[int, int] | None:
        """The service's user, whose the state directory is: root makes the files, the daemon must read them."""
        if os.geteuid() != 0:
            return None
        found = self._state.stat()
        return found.st_uid, found.st_gid

    def _give(self, file: Path) -> None:
        """To the service's user, a file that somebody else made."""
        try:
            owner = self._owner()
            if owner is not None:
                os.chown(file, *owner)
        except OSError as error:
            raise StorageError(
                f"{file} cannot be given to the owner of {self._state}: {error.strerror}; mend the card"
            ) from error


def _broker(settings: Settings, name: str | None) -> BrokerSettings:
    for broker in settings.broker:
        whole = broker.tls and broker.ca_file and broker.certificate_file and broker.private_key_file
        if whole and name in (None, broker.name):
            return broker
    which = "broker" if name is None else f"broker {name}"
    raise SettingsError(
        [f"{which}: names no three files; allowed: tls with ca_file, certificate_file and private_key_file"]
    )


def _load(file: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key in this file; None where there is no file. Raises CertificateError."""
    if not file.exists():
        return None
    try:
        key = serialization.load_pem_private_key(_read(file), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{file} holds no PEM private key without a passphrase; move it away") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateError(f"{file} is no key on the curve P-256; say --new-key")
    return key


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateError(f"{file} cannot be read: {error.strerror}; use sudo") from error


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)
