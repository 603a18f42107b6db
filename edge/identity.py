"""What a gate and the county's authority hand each other when a gate gets its certificate, as PEM text.

A request holds a certificate request (PKCS #10, RFC 2986) and the gate's public signing key. An answer holds the
certificate, the authority's own, and the centre's public signing keys. Whoever carries them may be anybody: both ends
show a short fingerprint of the whole, to be compared by telephone. Commands for people call this; it loads a library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from edge.errors import CertificateError, RefusedError
from edge.wire import Address

NAME_MAX = 64
"""X.520's upper bound of a common name."""

BYTES_MAX = 65_536
FINGERPRINT_DIGITS = 20
"""80 bits: nobody finds another request for it, and it can be read out by telephone."""

_DAMAGED = (
    ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip
"""What the library raises for bytes that only look like what was asked for."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """A gate asks for a certificate. ``signing_key`` is in PEM form. ``fingerprint`` is for the telephone."""

    name: str
    csr: x509.CertificateSigningRequest
    signing_key: bytes
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the authority gave. ``certificates``: the gate's own; ``authorities`` and ``centre_keys`` in PEM form."""

    certificates: tuple[x509.Certificate, ...]
    authorities: tuple[x509.Certificate, ...]
    centre_keys: bytes
    fingerprint: str


def name_of(address: Address) -> str:
    """The gate's name in its certificate, ``county/school/gate``: the broker puts it into its rules.

    Raises RefusedError where it is too long for a certificate.
    """
    name = str(address)
    if len(name) > NAME_MAX:
        raise RefusedError(
            f"{name} has {len(name)} characters, a certificate's name {NAME_MAX} at most: give the school or the gate a"
            " shorter name"
        )
    return name


def address_of_name(name: str) -> Address:
    """The gate that a certificate's name stands for. Raises RefusedError for any other name."""
    parts = name.split("/")
    try:
        if len(parts) != 3:
            raise ValueError("three names are wanted")
        return Address(*parts)
    except ValueError as error:
        raise RefusedError(f"{name[:130]!r} is no county/school/gate: {error}") from error


def common_name(subject: x509.Name) -> str:
    """The one common name; empty where there is none or more than one."""
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def make_request(name: str, key: ec.EllipticCurvePrivateKey, signing_key: Ed25519PublicKey) -> bytes:
    """A request in PEM form."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM) + _pem(signing_key)


def read_request(pem: bytes, source: str) -> Request:
    """A request, checked: whole, signed by its own key, of one gate. Raises CertificateError or RefusedError."""
    blocks = _blocks(pem, source)
    if [kind for kind, _ in blocks] != ["CERTIFICATE REQUEST", "PUBLIC KEY"]:
        raise CertificateError(
            f"{source} is no request, which has a CERTIFICATE REQUEST and a PUBLIC KEY; take what gatepost enrol wrote"
        )
    try:
        csr = x509.load_pem_x509_csr(blocks[0][1])
        genuine = csr.is_signature_valid
        signing_key = serialization.load_pem_public_key(blocks[1][1])
        public, name = csr.public_key(), common_name(csr.subject)
    except _DAMAGED as error:
        raise CertificateError(f"{source} is damaged ({error}); ask for it again") from error
    if not genuine or not isinstance(signing_key, Ed25519PublicKey):
        raise CertificateError(f"{source} is not signed by its own key, or its PUBLIC KEY is no Ed25519 key; refuse it")
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise CertificateError(f"{source} is of a key that is not on the curve P-256; take what gatepost enrol wrote")
    name_of(address_of_name(name))
    return Request(name, csr, _pem(signing_key), _fingerprint(blocks))


def make_answer(certificate: x509.Certificate, authorities: bytes, centre_keys: bytes) -> bytes:
    """An answer in PEM form."""
    return certificate.public_bytes(serialization.Encoding.PEM) + authorities + centre_keys


def read_answer(pem: bytes, source: str) -> Answer:
    """An answer, read; whether it fits the gate is not known here. Raises CertificateError."""
    blocks = _blocks(pem, source)
    try:
        found = [_whole(block) for kind, block in blocks if kind == "CERTIFICATE"]
        keys = [block for kind, block in blocks if kind == "PUBLIC KEY"]
        if not all(isinstance(serialization.load_pem_public_key(key), Ed25519PublicKey) for key in keys):
            raise ValueError("a PUBLIC KEY is no Ed25519 key")
        authorities = tuple(one for one in found if is_authority(one))
        own = tuple(one for one in found if one not in authorities)
    except _DAMAGED as error:
        raise CertificateError(f"{source} is damaged ({error}); ask for it again") from error
    if not own or not authorities:
        raise CertificateError(f"{source} is no answer: a certificate or the authority's own is missing; ask again")
    return Answer(own, authorities, b"".join(keys), _fingerprint([one for one in blocks if one[1] not in _own(own)]))


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign others."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def trust_fingerprint(authorities: bytes, centre_keys: bytes) -> str:
    """The fingerprint that a gate shows of an answer's authority and centre keys: the same for every gate."""
    return _fingerprint(_blocks(authorities + centre_keys, "the authority"))


def _whole(pem: bytes) -> x509.Certificate:
    """A certificate, of which every part that is looked at later can be read: the library reads them one by one."""
    made = x509.load_pem_x509_certificate(pem)
    made.public_key()
    list(made.extensions)
    if not (made.subject and made.issuer) or made.not_valid_before_utc > made.not_valid_after_utc:
        raise ValueError("a certificate without names, or that ends before it begins")
    return made


def _own(certificates: tuple[x509.Certificate, ...]) -> set[bytes]:
    return {one.public_bytes(serialization.Encoding.PEM) for one in certificates}


def _blocks(pem: bytes, source: str) -> list[tuple[str, bytes]]:
    if len(pem) > BYTES_MAX:
        raise CertificateError(f"{source} has {len(pem)} bytes, {BYTES_MAX} at most are read; give the right file")
    text = pem.replace(b"\r\n", b"\n")
    return [(found[1].decode(), found[0].rstrip() + b"\n") for found in _BLOCK.finditer(text)]


def _fingerprint(blocks: list[tuple[str, bytes]]) -> str:
    digits = sha256(b"".join(block for _, block in blocks)).hexdigest()[:FINGERPRINT_DIGITS]
    return " ".join(digits[place : place + 4] for place in range(0, FINGERPRINT_DIGITS, 4))


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
