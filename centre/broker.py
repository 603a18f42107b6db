"""Where a broker is and how to log in there: ``mqtt://[user@]host:port`` or ``mqtts://``, and files of secrets."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edge.errors import CertificateError, SettingsError
from edge.tls import client_context


@dataclass(frozen=True)
class Secrets:
    """Files that prove who the centre is and who the broker is. They serve all brokers."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    private_key_file: Path | None = None
    password_file: Path | None = None


@dataclass(frozen=True)
class Broker:
    """One broker, ready to be dialled. ``name`` is for people and never holds the password."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: ssl.SSLContext | None
    protocol: str = "auto"

    @property
    def name(self) -> str:
        """host:port"""
        return f"{self.host}:{self.port}"


PROTOCOLS = ("auto", "5", "3.1.1")


def broker_of(url: str, secrets: Secrets, protocol: str = "auto") -> Broker:
    """Read a broker's URL. Raises SettingsError for the URL, CertificateError for a file."""
    if protocol not in PROTOCOLS:
        raise SettingsError([f"--protocol {protocol}: give {', '.join(PROTOCOLS)}"])
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError([f"--broker: {error}: give mqtt://host:port or mqtts://host:port"]) from error
    if parts.scheme not in ("mqtt", "mqtts") or not host or parts.path not in ("", "/"):
        shown = url.rpartition("@")[2]
        raise SettingsError([f"--broker {shown}: give mqtt://[user@]host:port or mqtts://[user@]host:port"])
    secure = parts.scheme == "mqtts"
    if not secure and (secrets.ca_file or secrets.certificate_file):
        raise SettingsError([f"--broker {host}: certificates need mqtts://, not mqtt://"])
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else _password(secrets.password_file)
    tls = _context(secrets) if secure else None
    return Broker(host, port or (8883 if secure else 1883), username, password, tls, protocol)


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(f"--password-file {file}: {error}: give a file the centre may read") from error


def _context(secrets: Secrets) -> ssl.SSLContext:
    for option, file in (
        ("--ca-file", secrets.ca_file),
        ("--certificate-file", secrets.certificate_file),
        ("--private-key-file", secrets.private_key_file),
    ):
        if file is not None and not file.is_file():
            raise CertificateError(f"{option} {file}: no such file: put it there, or give another")
    context = client_context()
    try:
        if secrets.ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=str(secrets.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"--ca-file {secrets.ca_file}: {error}: give a PEM file of certificates") from error
    if secrets.certificate_file is not None:
        key = None if secrets.private_key_file is None else str(secrets.private_key_file)
        try:
            context.load_cert_chain(str(secrets.certificate_file), key)
        except (OSError, ssl.SSLError) as error:
            shown = f"--certificate-file {secrets.certificate_file} with key {key or 'in the same file'}"
            raise CertificateError(f"{shown}: {error}: give a PEM certificate and its own private key") from error
    return context
