"""Certificates, keys and passwords of a broker: read from their files, checked, and explained when they are wrong.

Every failure is a CertificateError of one line: which file, what is wrong with it, what to do.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from edge.errors import CertificateError
from edge.settings import BrokerSettings
from edge.tls import client_context

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET_VALID = 9  # X509_V_ERR_CERT_NOT_YET_VALID
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which ssl.VerifyFlags has no name for
_HANDSHAKE_ROUNDS = 6  # TLS 1.3 needs three flights each way at most


def check_files(settings: BrokerSettings, wall_ms: int | None = None) -> None:
    """Raise CertificateError for the first file of this broker that cannot be used. For people, not for the daemon.

    ``wall_ms``, where given, is the time now by which authorities are checked for expiry; the gate's own
    certificate is checked by OpenSSL with the system's clock. Takes some milliseconds; any thread but the brain's.
    """
    password(settings)
    context = tls_context(settings)
    if context is None:
        return
    if wall_ms is not None and settings.ca_file is not None:
        _check_authorities(context, settings.ca_file, wall_ms)
    if settings.certificate_file is not None and settings.private_key_file is not None:
        _check_dates(settings.certificate_file, settings.private_key_file)


def until_wall_ms(file: Path) -> int:
    """When a certificate file ends, the first of its chain. Raises CertificateError. Loads a library."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(_read(str(file), "certificate_file"))
    except ValueError as error:
        raise CertificateError(f"certificate_file {file} holds no PEM certificate; convert it to PEM") from error
    return min(round(one.not_valid_after_utc.timestamp() * 1000) for one in found)


def password(settings: BrokerSettings) -> str | None:
    """The first line of the password file, or None where no file is named. Raises CertificateError."""
    if settings.password_file is None:
        return None
    name = f"password_file {settings.password_file}"
    if settings.username is None:
        raise CertificateError(f"{name} is named without a username; give username too, or remove password_file")
    first, _, _ = _read(settings.password_file, "password_file").partition(b"\n")
    try:
        text = first.rstrip(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        raise CertificateError(f"{name} is not UTF-8 text; write the password on its first line") from None
    if not text:
        raise CertificateError(f"{name} has an empty first line; write the password there")
    return text


def tls_context(settings: BrokerSettings, *, dated: bool = True) -> ssl.SSLContext | None:
    """TLS 1.2 or later, the broker's name checked, the gate's certificate loaded; None where TLS is off.

    Raises CertificateError. The gate's own dates are not looked at: the broker judges them. With ``dated`` False those
    of the broker and its authority are not either; who signed it, and its name, count all the same.
    """
    if not settings.tls:
        return None
    context = client_context()
    if not dated:
        context.verify_flags |= _NO_CHECK_TIME
    if settings.ca_file is None:
        context.load_default_certs()
    else:
        _read(settings.ca_file, "ca_file")
        try:
            context.load_verify_locations(cafile=settings.ca_file)
        except (ssl.SSLError, OSError) as error:
            raise CertificateError(
                f"ca_file {settings.ca_file} holds no usable certificate ({_why(error)}); "
                "give the county's authority certificate in PEM form"
            ) from error
    _load_pair(context, settings.certificate_file, settings.private_key_file)
    return context


def _load_pair(context: ssl.SSLContext, certificate: str | None, key: str | None) -> None:
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        missing = "certificate_file" if certificate is None else "private_key_file"
        raise CertificateError(f"{missing} is not set; certificate_file and private_key_file go together: give both")
    chain = _read(certificate, "certificate_file")
    secret = _read(key, "private_key_file")
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise CertificateError(f"certificate_file {certificate} holds no PEM certificate; convert it to PEM")
    if b"PRIVATE KEY-----" not in secret:
        raise CertificateError(f"private_key_file {key} holds no PEM private key; convert it to PEM")

    def refuse_to_ask() -> str:
        # Without this OpenSSL asks at the terminal, which a service does not have.
        raise CertificateError(
            f"private_key_file {key} is encrypted; store it without a passphrase, readable by us only"
        )

    try:
        context.load_cert_chain(certificate, key, password=refuse_to_ask)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(
                f"private_key_file {key} does not belong to certificate_file {certificate}; give the pair made together"
            ) from error
        raise CertificateError(
            f"certificate_file {certificate} or private_key_file {key} cannot be used ({_why(error)}); make them anew"
        ) from error
    except OSError as error:
        raise CertificateError(
            f"certificate_file {certificate} cannot be used ({_why(error)}); make it anew"
        ) from error


def _read(path: str, setting: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise CertificateError(f"{setting} {path} does not exist; put the file there or correct the setting") from None
    except PermissionError:
        raise CertificateError(f"{setting} {path} may not be read; give it to the service's user") from None
    except OSError as error:
        raise CertificateError(f"{setting} {path} cannot be read ({_why(error)}); replace it") from error


def _check_authorities(context: ssl.SSLContext, ca_file: str, wall_ms: int) -> None:
    for authority in context.get_ca_certs():
        if not isinstance(authority, dict):
            continue
        until = str(authority["notAfter"])
        if ssl.cert_time_to_seconds(until) * 1000 < wall_ms:
            raise CertificateError(f"ca_file {ca_file} expired on {until}; get the county's new authority certificate")


def _check_dates(certificate: str, key: str) -> None:
    """Let OpenSSL judge the dates, by a handshake in memory in which the gate's certificate is both ends'.

    ``ssl`` has no public call that reads a leaf certificate's dates from a file.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    server.load_verify_locations(cafile=certificate)
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is trust enough here
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.load_cert_chain(certificate, key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(down, up), server.wrap_bio(up, down, server_side=True))
    try:
        for _ in range(_HANDSHAKE_ROUNDS):
            for end in ends:
                _shake(end)
    except ssl.SSLCertVerificationError as error:
        what = {_EXPIRED: "has expired", _NOT_YET_VALID: "is not valid yet by this machine's clock"}.get(
            error.verify_code, f"is refused ({error.verify_message})"
        )
        raise CertificateError(
            f"certificate_file {certificate} {what}; get a new certificate or set the clock"
        ) from error
    except ssl.SSLError as error:
        raise CertificateError(f"certificate_file {certificate} is refused ({_why(error)}); make it anew") from error


def _shake(end: ssl.SSLObject) -> None:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return  # the other end's turn


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or str(error)
