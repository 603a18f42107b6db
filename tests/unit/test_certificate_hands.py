"""The certificates' files are looked at, and read again when they were replaced."""

from __future__ import annotations

from pathlib import Path

from centre.authority import Authority
from edge.certificate_hands import CertificateHands
from edge.certificate_words import CertificateRead
from edge.drivers.clock import FixedClock
from edge.events import Fact
from edge.settings import Settings, parse

TEXT = """
[gate]
county = "c"
school = "s"
gate = "g"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "plain"
host = "127.0.0.1"
tls = false
[[broker]]
name = "county"
host = "127.0.0.1"
ca_file = "{0}/ca.pem"
certificate_file = "{0}/gate.pem"
private_key_file = "{0}/gate.key"
"""


def hands_of(directory: Path) -> tuple[CertificateHands, list[CertificateRead]]:
    heard: list[CertificateRead] = []

    def post(fact: Fact) -> None:
        assert isinstance(fact, CertificateRead)
        heard.append(fact)

    settings: Settings = parse(TEXT.format(directory), "gate.toml")
    return CertificateHands(settings, FixedClock(7, 8, None), post), heard


def test_a_certificate_is_told_once_and_again_when_it_was_replaced(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.init("c", "Li Wei")
    hands, heard = hands_of(tmp_path)
    for days in (90, 365):
        new = tmp_path / "new.pem"
        new.write_bytes(authority.issue("c", (), days, "Li Wei")[0])
        new.replace(tmp_path / "gate.pem")
        hands.look()
        hands.look()
    assert [fact.broker for fact in heard] == [1, 1], "the second broker of the file, and each certificate once"
    ends = [fact.until_wall_ms for fact in heard]
    assert None not in ends
    assert round((ends[1] - ends[0]) / 86_400_000) == 275  # type: ignore[operator]


def test_a_file_that_is_missing_or_no_certificate_is_told_with_the_reason(tmp_path: Path) -> None:
    hands, heard = hands_of(tmp_path)
    hands.look()
    (tmp_path / "gate.pem").write_text("no PEM")
    hands.look()
    assert [fact.until_wall_ms for fact in heard] == [None, None]
    assert "does not exist" in heard[0].problem
    assert "holds no PEM certificate" in heard[1].problem
