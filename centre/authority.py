"""A county's own certificate authority, for a county that has none: a directory of PEM files.

``ca.pem`` and ``ca.key``; ``revoked.pem``, the list that brokers read; ``issued/``, one file for each certificate;
``log``, one line for each act. Nothing here runs by itself: the commands of ``gatepost-centre ca`` call it.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from centre.files import make_directory
from centre.gate_keys import DIRECTORY as KEYS_DIRECTORY
from centre.gate_keys import GateKeys
from centre.voice import PUBLIC_FILE
from edge import whole_file
from edge.errors import CertificateError, RefusedError, StorageError
from edge.identity import address_of_name, common_name, make_answer, read_request, trust_fingerprint

DIRECTORY = "authority"
"""Beside the centre's database."""

YEARS = 10
"""Of the authority. Changing it means a visit or a message to every gate."""

BACKDATED = timedelta(days=1)
"""A Pi without a battery-backed clock may come up with yesterday's time."""

CUT_MINUTES = 10

Pair = tuple[bytes, bytes]
"""Certificate and private key, in PEM form."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate. ``state`` is valid, expired or revoked."""

    name: str
    serial: str
    since: datetime
    until: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A gate's answer, and what to compare by telephone: of its request, and of the authority."""

    name: str
    answer: bytes
    request_fingerprint: str
    trust_fingerprint: str
    until: datetime
    has_centre_key: bool


class Authority:
    """``data`` is the directory of the centre's database. Every method raises GatepostError in one line."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._place = data / DIRECTORY

    @property
    def revoked_file(self) -> Path:
        """The list that every broker needs."""
        return self._place / "revoked.pem"

    def init(self, county: str, by: str) -> None:
        """Make the authority's key, its certificate and an empty list of the revoked. Refuses where one is."""
        address_of_name(f"{county}/school/gate")  # the county's name must be one
        if (self._place / "ca.pem").exists():
            raise RefusedError(f"{self._place} holds an authority already: its gates would all be locked out")
        make_directory(self._place)
        make_directory(self._place / "issued")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"gatepost authority of {county}")
        now = datetime.now(UTC)
        made = (
            _builder(subject, subject, key.public_key(), now, now + timedelta(days=365 * YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(self._place / "ca.key", _key_pem(key), 0o600)
        self._write_revoked(made, key, [])
        _write(self._place / "ca.pem", _pem(made), 0o644)  # last: with it the authority is there
        self._log(by, "init", f"gatepost authority of {county}", made.serial_number)

    def issue(self, name: str, hosts: tuple[str, ...], days: int, by: str) -> Pair:
        """Certificate and key of a broker, where ``hosts`` are given, else of the centre of the county ``name``."""
        if not hosts:
            address_of_name(f"{name}/school/gate")  # as above
        key = ec.generate_private_key(ec.SECP256R1())
        subject = hosts[0] if hosts else f"centre/{name}"
        made = self._sign(subject, key.public_key(), days, hosts)
        self._log(by, "issue", subject, made.serial_number)
        return _pem(made), _key_pem(key)

    def sign(self, pem: bytes, source: str, days: int, by: str, fingerprint: str | None = None) -> Signed:
        """Sign a gate's request, and put its signing key on record.

        With ``fingerprint``, what was heard by telephone, any other request is refused.
        """
        request = read_request(pem, source)
        if fingerprint is not None and _digits(fingerprint) != _digits(request.fingerprint):
            raise RefusedError(
                f"{source} has the fingerprint {request.fingerprint}, not {fingerprint}: it is not what the gate wrote"
            )
        made = self._sign(request.name, request.csr.public_key(), days, ())  # type: ignore[arg-type]
        GateKeys(self._data / KEYS_DIRECTORY).add(request.name, request.signing_key)
        self._log(by, "sign", request.name, made.serial_number)
        authorities, centre_keys = _read(self._place / "ca.pem"), self._centre_keys()
        return Signed(
            request.name, make_answer(made, authorities, centre_keys), request.fingerprint,
            trust_fingerprint(authorities, centre_keys), made.not_valid_after_utc, bool(centre_keys),
        )  # fmt: skip

    def revoke(self, name: str, by: str, because: str) -> list[Issued]:
        """Revoke every certificate of this name that is not; those revoked. Raises RefusedError where there is none."""
        certificate, key = self._own()
        known = self._revocations()
        doomed = [one for one in self.issued() if one.name == name and one.state == "valid"]
        if not doomed:
            raise RefusedError(f"no valid certificate of {name[:130]!r} is here: look at gatepost-centre ca list")
        now = datetime.now(UTC)
        entries = [
            x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16)).revocation_date(now).build()
            for one in doomed
        ]
        self._write_revoked(certificate, key, [*known, *entries])
        if name.count("/") == 2:
            GateKeys(self._data / KEYS_DIRECTORY).withdraw(name)
        for one in doomed:
            self._log(by, f"revoke ({because})", name, int(one.serial, 16))
        return doomed

    def issued(self) -> list[Issued]:
        """Every certificate that was made, the newest last."""
        revoked = {one.serial_number for one in self._revocations()}
        now = datetime.now(UTC)
        found = [x509.load_pem_x509_certificate(_read(file)) for file in (self._place / "issued").glob("*.pem")]
        found.sort(key=lambda one: one.not_valid_before_utc)
        return [_issued(one, revoked, now) for one in found]

    def stand_in(self, name: str) -> Pair:
        """A certificate of the revoked gate's name for some minutes, never kept: who logs in with it takes the place.

        Refuses a name that has a valid certificate: an honest gate would be thrown out.
        """
        address_of_name(name)
        held = [one for one in self.issued() if one.name == name]
        if not held or any(one.state == "valid" for one in held):
            raise RefusedError(f"{name} has a valid certificate, or never had any: revoke it first")
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._sign(name, key.public_key(), 0, (), timedelta(minutes=CUT_MINUTES), keep=False)
        return _pem(made), _key_pem(key)

    @property
    def certificate_file(self) -> Path:
        """The authority's own certificate."""
        return self._place / "ca.pem"

    def _sign(
        self, name: str, public: ec.EllipticCurvePublicKey, days: int, hosts: tuple[str, ...],
        for_: timedelta | None = None, *, keep: bool = True,
    ) -> x509.Certificate:  # fmt: skip
        certificate, key = self._own()
        now = datetime.now(UTC)
        until = min(now + (for_ or timedelta(days=days)), certificate.not_valid_after_utc)
        use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = (
            _builder(_name(name), certificate.subject, public, now - BACKDATED, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(issuer_key, critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        made = builder.sign(key, hashes.SHA256())
        if keep:
            _write(self._place / "issued" / f"{made.serial_number:040x}.pem", _pem(made), 0o600)
        return made

    def _own(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        try:
            certificate = x509.load_pem_x509_certificate(_read(self._place / "ca.pem"))
            key = serialization.load_pem_private_key(_read(self._place / "ca.key"), None)
        except (ValueError, TypeError) as error:
            raise CertificateError(f"the authority in {self._place} cannot be used: {error}; put it back") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateError(f"{self._place / 'ca.key'} is not the authority's key; put it back from its copy")
        return certificate, key

    def _revocations(self) -> list[x509.RevokedCertificate]:
        try:
            return list(x509.load_pem_x509_crl(_read(self.revoked_file)))
        except ValueError as error:
            raise CertificateError(f"{self.revoked_file} is damaged: {error}; put it back from a broker") from error

    def _write_revoked(
        self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, entries: list[x509.RevokedCertificate]
    ) -> None:
        # Valid as long as the authority: with a list that has run out a broker refuses every gate.
        now = datetime.now(UTC)
        made = x509.CertificateRevocationListBuilder(
            certificate.subject, now - BACKDATED, certificate.not_valid_after_utc
        )
        made = made.add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        made = made.add_extension(issuer_key, critical=False)
        for entry in entries:
            made = made.add_revoked_certificate(entry)
        _write(self.revoked_file, made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o644)

    def _centre_keys(self) -> bytes:
        file = self._data / PUBLIC_FILE
        return _read(file) if file.exists() else b""

    def _log(self, by: str, what: str, name: str, serial: int) -> None:
        line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {by!r} {what} {name} {serial:040x}\n"
        try:
            with open(os.open(self._place / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as stream:
                stream.write(line)
        except OSError as error:
            raise StorageError(f"{self._place / 'log'}: {error.strerror}: make room, or give it to us") from error


def _issued(one: x509.Certificate, revoked: set[int], now: datetime) -> Issued:
    state = "expired" if one.not_valid_after_utc < now else "valid"
    state = "revoked" if one.serial_number in revoked else state
    return Issued(
        common_name(one.subject), f"{one.serial_number:040x}", one.not_valid_before_utc, one.not_valid_after_utc, state
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), since, until)
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    except ValueError as error:
        raise RefusedError(f"{text[:130]!r} is no certificate's name: {error}: give 1 to 64 characters") from error


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _digits(fingerprint: str) -> str:
    return "".join(fingerprint.lower().split())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}: run gatepost-centre ca init, or give its --data") from error


def _write(file: Path, content: bytes, mode: int) -> None:
    try:
        whole_file.lay(file, content, mode=mode)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}; make room, or give the place to us") from error
