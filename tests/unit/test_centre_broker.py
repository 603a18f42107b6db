"""Broker URLs and secrets: read right, or refused by name and without showing a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from centre.broker import Secrets, broker_of
from edge.errors import CertificateError, SettingsError


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mqtt://broker.example", ("broker.example", 1883, None, None)),
        ("mqtt://10.0.0.1:1900", ("10.0.0.1", 1900, None, None)),
        ("mqtt://officer:p%40ss@broker:1884", ("broker", 1884, "officer", "p@ss")),
        ("mqtt://[::1]:1883", ("::1", 1883, None, None)),
    ],
)
def test_a_url_says_where_and_who(url, found):
    broker = broker_of(url, Secrets())
    assert (broker.host, broker.port, broker.username, broker.password) == found
    assert broker.tls is None


def test_mqtts_means_tls_and_its_own_port():
    broker = broker_of("mqtts://broker.example", Secrets())
    assert broker.port == 8883
    assert broker.tls is not None
    assert broker.tls.check_hostname


@pytest.mark.parametrize("url", ["broker", "http://broker", "mqtt://", "mqtt://broker:99999", "mqtt://u:secret@/x"])
def test_a_wrong_url_is_refused_without_its_password(url):
    with pytest.raises(SettingsError) as refusal:
        broker_of(url, Secrets())
    assert "--broker" in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_password_file_s_last_newline_is_no_password(tmp_path):
    file = tmp_path / "password"
    file.write_text("word word\n")
    assert broker_of("mqtt://officer@broker", Secrets(password_file=file)).password == "word word"


@pytest.mark.parametrize("name", ["ca_file", "certificate_file", "private_key_file", "password_file"])
def test_a_missing_file_is_named(name, tmp_path):
    missing = tmp_path / "missing.pem"
    with pytest.raises(CertificateError, match=r"missing\.pem"):
        broker_of("mqtts://u@broker", Secrets(**{name: missing}))


def test_a_file_that_is_no_certificate_is_named(tmp_path):
    junk = Path(tmp_path / "junk.pem")
    junk.write_text("junk")
    with pytest.raises(CertificateError, match=r"junk\.pem"):
        broker_of("mqtts://broker", Secrets(ca_file=junk))
    with pytest.raises(CertificateError, match=r"junk\.pem"):
        broker_of("mqtts://broker", Secrets(certificate_file=junk))
