"""Certificates and passwords, against a real mosquitto with TLS."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.credentials import check_files, tls_context
from edge.drivers.clock import FixedClock
from edge.errors import CertificateError
from edge.events import Acked, LinkDown
from edge.settings import BrokerSettings
from tests.process.brokers import Authority, Mosquitto, SilentBroker, password_file
from tests.process.links import LinkUnderTest, press

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def tls_lines(county: Authority, *more: str, host: str = "IP:127.0.0.1", days: int = 2) -> list[str]:
    certificate, key = county.issue("server", host=host, days=days)
    return [f"cafile {county.certificate}", f"certfile {certificate}", f"keyfile {key}", *more]


@pytest.fixture
def broker(tmp_path: Path, county: Authority) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker", tls_lines(county)) as running:
        yield running


@pytest.mark.parametrize("mqtt5", [True, False])
def test_the_countys_authority_is_accepted_and_messages_pass(broker: Mosquitto, county: Authority, mqtt5: bool) -> None:
    with LinkUnderTest(broker.port, tls=True, ca_file=str(county.certificate)) as link:
        link.up(mqtt5=mqtt5)
        for counter in range(1, 31):
            link.link.publish(press(counter))
        link.inbox.wait_for(Acked, 30)
        link.link.disconnect("again")
        link.up(mqtt5=mqtt5, count=2)
        assert len(link.inbox.all_of(LinkDown)) == 1


def test_another_authority_is_refused_and_the_reason_says_so(broker: Mosquitto, stranger: Authority) -> None:
    with LinkUnderTest(broker.port, tls=True, ca_file=str(stranger.certificate)) as link:
        down = link.refused()
    assert "certificate that is refused" in down.reason
    assert "check ca_file" in down.reason
    assert not down.old_protocol


def test_a_certificate_for_another_host_is_refused(tmp_path: Path, county: Authority) -> None:
    lines = tls_lines(county, host="DNS:broker.example")
    with (
        Mosquitto(tmp_path, lines) as broker,
        LinkUnderTest(broker.port, tls=True, ca_file=str(county.certificate)) as link,
    ):
        assert "mismatch" in link.refused().reason


def test_a_broker_without_tls_is_named_as_such(tmp_path: Path, county: Authority) -> None:
    with (
        SilentBroker() as plain,
        LinkUnderTest(plain.port, tls=True, connect_s_max=1, ca_file=str(county.certificate)) as link,
    ):
        down = link.refused()
    assert "within 1 s" in down.reason or "TLS" in down.reason
    assert not down.old_protocol


def test_old_tls_is_refused(tmp_path: Path, county: Authority) -> None:
    settings = BrokerSettings(name="b", host="h", ca_file=str(county.certificate))
    context = tls_context(settings)
    assert context is not None
    assert context.minimum_version.name == "TLSv1_2"
    assert context.check_hostname


@pytest.mark.parametrize("mqtt5", [True, False])
def test_a_broker_that_wants_client_certificates(tmp_path: Path, county: Authority, mqtt5: bool) -> None:
    certificate, key = county.issue("gate")
    pair = {"certificate_file": str(certificate), "private_key_file": str(key)}
    with Mosquitto(tmp_path, tls_lines(county, "require_certificate true")) as broker:
        with LinkUnderTest(broker.port, tls=True, ca_file=str(county.certificate), **pair) as link:
            link.up(mqtt5=mqtt5)
        with LinkUnderTest(broker.port, tls=True, ca_file=str(county.certificate)) as link:
            down = link.refused(mqtt5=mqtt5)
    assert "certificate" in down.reason.lower()
    assert not down.old_protocol


def test_a_wrong_file_is_told_at_each_dial_and_a_right_one_is_taken_up(
    tmp_path: Path, broker: Mosquitto, county: Authority
) -> None:
    file = tmp_path / "later.pem"
    with LinkUnderTest(broker.port, tls=True, ca_file=str(file)) as link:
        assert f"ca_file {file} does not exist" in link.refused().reason
        file.write_bytes(county.certificate.read_bytes())
        link.up()


@pytest.mark.parametrize(("error_ms", "let_in"), [(20, False), (None, True)])
def test_a_clock_that_is_not_set_judges_no_dates_and_one_that_is_does(
    tmp_path: Path, county: Authority, error_ms: int | None, let_in: bool
) -> None:
    """A Pi without a battery may believe that it is 1999, and the time server may be out of reach: the alarm is not."""
    clock = FixedClock(1, 1, error_ms)
    with (
        Mosquitto(tmp_path, tls_lines(county, days=-1)) as broker,
        LinkUnderTest(broker.port, clock=clock, tls=True, ca_file=str(county.certificate)) as link,
    ):
        if let_in:
            link.up()
        else:
            assert "certificate has expired" in link.refused().reason


def test_a_clock_that_is_not_set_still_looks_at_who_signed_and_at_the_name(
    tmp_path: Path, county: Authority, stranger: Authority
) -> None:
    clock = FixedClock(1, 1, None)
    for authority, host in ((stranger, "IP:127.0.0.1"), (county, "DNS:another.example")):
        with (
            Mosquitto(tmp_path / host, tls_lines(authority, host=host)) as broker,
            LinkUnderTest(broker.port, clock=clock, tls=True, ca_file=str(county.certificate)) as link,
        ):
            assert "certificate that is refused" in link.refused().reason


@pytest.mark.parametrize("mqtt5", [True, False])
def test_username_and_password(tmp_path: Path, mqtt5: bool) -> None:
    passwords = password_file(tmp_path, gate="right word")
    file = tmp_path / "password"
    file.write_text("right word\nsecond line\n")
    with Mosquitto(tmp_path, [f"password_file {passwords}"], anonymous=False) as broker:
        with LinkUnderTest(broker.port, username="gate", password_file=str(file)) as link:
            link.up(mqtt5=mqtt5)
        file.write_text("wrong word\n")
        with LinkUnderTest(broker.port, username="gate", password_file=str(file)) as link:
            down = link.refused(mqtt5=mqtt5)
    assert "refuses us" in down.reason
    assert "check username" in down.reason
    assert "wrong word" not in down.reason


# --- what `gatepost config check` says ---------------------------------------------------------------------------


def settings(**given: object) -> BrokerSettings:
    return BrokerSettings(name="b", host="h", **given)  # type: ignore[arg-type]


def complaint(wall_ms: int | None = None, **given: object) -> str:
    with pytest.raises(CertificateError) as caught:
        check_files(settings(**given), wall_ms)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_good_files_are_passed(county: Authority, tmp_path: Path) -> None:
    certificate, key = county.issue("good")
    word = tmp_path / "word"
    word.write_text("secret")
    check_files(
        settings(
            ca_file=str(county.certificate),
            certificate_file=str(certificate),
            private_key_file=str(key),
            username="u",
            password_file=str(word),
        ),
        time.time_ns() // 1_000_000,
    )


def test_a_key_of_another_certificate(county: Authority) -> None:
    certificate, key = county.issue("one")[0], county.issue("two")[1]
    text = complaint(certificate_file=str(certificate), private_key_file=str(key))
    assert f"{key} does not belong to certificate_file {certificate}" in text


def test_an_expired_certificate(county: Authority) -> None:
    certificate, key = county.issue("old", days=-1)
    assert f"{certificate} has expired" in complaint(certificate_file=str(certificate), private_key_file=str(key))


def test_an_expired_authority(county: Authority) -> None:
    later_ms = time.time_ns() // 1_000_000 + 3 * DAY_MS
    assert f"ca_file {county.certificate} expired on" in complaint(later_ms, ca_file=str(county.certificate))


def test_an_encrypted_key_is_refused_without_asking_at_the_terminal(county: Authority) -> None:
    certificate, key = county.issue("locked")
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes128", "-passout", "pass:x", "-out", f"{key}.locked"], check=True
    )
    assert "is encrypted" in complaint(certificate_file=str(certificate), private_key_file=f"{key}.locked")


def test_half_a_pair(county: Authority) -> None:
    assert "private_key_file is not set" in complaint(certificate_file=str(county.certificate))


@pytest.mark.parametrize("setting", ["ca_file", "certificate_file", "private_key_file"])
def test_a_missing_file_and_one_that_is_no_certificate_are_named(
    setting: str, county: Authority, tmp_path: Path
) -> None:
    certificate, key = county.issue("pair")
    files = {"ca_file": str(county.certificate), "certificate_file": str(certificate), "private_key_file": str(key)}
    file = tmp_path / "file.pem"
    assert f"{setting} {file} does not exist" in complaint(**{**files, setting: str(file)})
    file.write_bytes(b"\x30\x82\x01\x0a not PEM")
    assert f"{setting} {file}" in complaint(**{**files, setting: str(file)})
    file.unlink()
    file.mkdir()
    assert f"{setting} {file} cannot be read" in complaint(**{**files, setting: str(file)})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("x")
    file.chmod(0)
    assert "may not be read" in complaint(tls=False, username="u", password_file=str(file))


def test_an_empty_password_and_one_without_a_username(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_text("\nword")
    assert "empty first line" in complaint(tls=False, username="u", password_file=str(file))
    assert "without a username" in complaint(tls=False, password_file=str(file))
