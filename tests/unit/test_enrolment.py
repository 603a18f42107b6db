"""A gate asks for its certificate, the county's authority signs, the gate lays it down: every mistake on the way."""

from __future__ import annotations

import base64
import random
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from centre.authority import DIRECTORY, Authority
from centre.cli import app
from centre.gate_keys import DIRECTORY as KEYS_DIRECTORY
from centre.gate_keys import GateKeys
from centre.voice import PUBLIC_FILE
from edge import ledger_key, settings
from edge.cli import main
from edge.enrolment import Enrolment
from edge.errors import CertificateError, GatepostError, RefusedError, SettingsError
from edge.identity import make_request, name_of, read_request
from edge.wire import Address

BY = "Li Wei"
NAME = "county-1/school-3/north"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bench:
    """A gate's directory and a county's, with what travels between them."""

    gate: Path
    data: Path

    @property
    def authority(self) -> Authority:
        return Authority(self.data)

    def enrolment(self, name: str = "north") -> Enrolment:
        file = self.gate / "gatepost.toml"
        file.write_text(
            f'[gate]\ncounty = "county-1"\nschool = "school-3"\ngate = "{name}"\nstate_directory = "{self.gate}"\n'
            "[button]\nkey_gpio = 17\n[lamps]\nstatus_gpio = 22\nfault_gpio = 23\n"
            '[[broker]]\nname = "one"\nhost = "127.0.0.1"\nca_file = "ca.pem"\ncertificate_file = "gate.pem"\n'
            'private_key_file = "gate.key"\n'
        )
        return Enrolment(settings.load(file), None)

    def ask(self, *, new_key: bool = False, days: int = 90) -> bytes:
        """A request, signed: the answer."""
        asked = self.enrolment().ask(new_key=new_key)
        return self.authority.sign(asked.pem, "request", days, BY, asked.fingerprint).answer

    def install(self, answer: bytes, *, new_authority: bool = False, at: datetime | None = None) -> str:
        """Lay it down; the fingerprint that the gate shows."""
        centre = self.gate / "centre.pub"
        done = self.enrolment().install(answer, "answer", at or now(), centre, new_authority=new_authority)
        return done.fingerprint

    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.gate.iterdir() if file.suffix in (".pem", ".key", ".pub")}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path / "gate", tmp_path / "centre")
    made.gate.mkdir()
    made.authority.init("county-1", BY)
    ledger_key.load_or_make(made.data)  # the centre's signing key has the same form
    (made.data / ledger_key.PUBLIC_FILE).rename(made.data / PUBLIC_FILE)
    return made


def complaint(act: Callable[[], object], kind: type[GatepostError]) -> str:
    with pytest.raises(kind) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_gate_gets_its_certificate_the_authoritys_and_the_centres_key(bench: Bench) -> None:
    asked = bench.enrolment().ask(new_key=False)
    signed = bench.authority.sign(asked.pem, "request", 90, BY, asked.fingerprint)
    assert bench.install(signed.answer) == signed.trust_fingerprint
    assert (bench.gate / "ca.pem").read_bytes() == (bench.data / DIRECTORY / "ca.pem").read_bytes()
    assert (bench.gate / "centre.pub").read_bytes() == (bench.data / PUBLIC_FILE).read_bytes()
    assert 88 <= (signed.until - now()).days <= 90
    assert [one.state for one in bench.authority.issued()] == ["valid"]


def test_the_key_is_made_on_the_gate_and_only_its_user_may_read_it(bench: Bench) -> None:
    bench.install(bench.ask())
    assert stat.S_IMODE((bench.gate / "gate.key").stat().st_mode) == 0o600
    assert not any(b"PRIVATE KEY" in file.read_bytes() for file in (bench.data / DIRECTORY / "issued").iterdir())
    assert stat.S_IMODE((bench.data / DIRECTORY / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((bench.data / DIRECTORY).stat().st_mode) == 0o700


def test_the_centre_gets_the_gates_signing_key(bench: Bench) -> None:
    bench.ask()
    own = ledger_key.public_key_of(str(bench.gate / ledger_key.PUBLIC_FILE)).public_key
    assert [key.public_key for key in GateKeys(bench.data / KEYS_DIRECTORY).of(NAME) or ()] == [own]


def test_the_fingerprint_covers_both_keys(bench: Bench) -> None:
    """Whoever carries the request can exchange neither of them unheard."""
    asked = bench.enrolment().ask(new_key=False)
    key, signing_key = ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate().public_key()
    csr, own = asked.pem.split(b"-----BEGIN PUBLIC KEY-----")
    other = make_request(NAME, key, signing_key)
    other_csr, other_own = other.split(b"-----BEGIN PUBLIC KEY-----")
    for forged in (csr + b"-----BEGIN PUBLIC KEY-----" + other_own, other_csr + b"-----BEGIN PUBLIC KEY-----" + own):
        assert read_request(forged, "x").fingerprint != asked.fingerprint
        said = complaint(
            lambda forged=forged: bench.authority.sign(forged, "x", 9, BY, asked.fingerprint), RefusedError
        )
        assert "is not what the gate wrote" in said
    assert bench.authority.issued() == []


def test_a_request_asked_for_twice_is_of_the_same_key(bench: Bench) -> None:
    first, second = bench.enrolment().ask(new_key=True), bench.enrolment().ask(new_key=True)
    assert read_request(first.pem, "x").csr.public_key() == read_request(second.pem, "x").csr.public_key()


@pytest.mark.parametrize("new_key", [False, True])
def test_a_renewal_leaves_the_old_certificate_valid_and_replaces_the_files(bench: Bench, new_key: bool) -> None:
    bench.install(bench.ask())
    before = bench.files()
    answer = bench.ask(new_key=new_key)
    assert bench.files()["gate.key"] == before["gate.key"], "the old pair must serve until the answer is laid down"
    bench.install(answer)
    after = bench.files()
    assert after["gate.pem"] != before["gate.pem"]
    assert (after["gate.key"] != before["gate.key"]) is new_key
    assert [one.state for one in bench.authority.issued()] == ["valid", "valid"]


def test_an_answer_laid_down_twice_changes_nothing(bench: Bench) -> None:
    """After a power cut in the midst of it the same command completes it."""
    bench.install(bench.ask())
    answer = bench.ask(new_key=True)
    (bench.gate / "gate.key.new").replace(bench.gate / "gate.key")  # cut between key and certificate
    bench.install(answer)
    once = bench.files()
    bench.install(answer)
    assert bench.files() == once


def other_authority(bench: Bench) -> Bench:
    made = Bench(bench.gate, bench.data.parent / "stranger")
    made.authority.init("county-1", "a stranger")
    return made


def test_answers_that_do_not_fit_change_no_file(bench: Bench) -> None:
    bench.install(bench.ask())
    elsewhere = Bench(bench.gate.parent / "elsewhere", bench.data)
    elsewhere.gate.mkdir()
    for_another_key = elsewhere.ask()
    south = bench.enrolment("south").ask(new_key=False)
    for_another_name = bench.authority.sign(south.pem, "x", 90, BY).answer
    good = bench.ask()
    own, authority = good[: good.index(b"-----END CERT") + 26], other_authority(bench)
    unsigned = own + (authority.data / DIRECTORY / "ca.pem").read_bytes()
    before = bench.files()
    for answer, word in (
        (for_another_key, "belongs to no key of this gate"),
        (for_another_name, f"is for 'county-1/school-3/south', this gate is {NAME}"),
        (unsigned, "is not signed by the authority in it"),
        (own, "the authority's own is missing"),
        (b"nothing", "is no answer"),
        (good.replace(b"MII", b"MIA", 1), "is damaged"),
        (b"x" * 70_000, "65536 at most"),
    ):
        assert word in complaint(lambda answer=answer: bench.install(answer), CertificateError)
    assert bench.files() == before


def test_an_answer_of_an_unknown_authority_needs_a_word_of_its_own(bench: Bench) -> None:
    bench.install(bench.ask())
    stranger = other_authority(bench)
    answer, before = stranger.ask(), bench.files()
    assert "say --new-authority" in complaint(lambda: bench.install(answer), RefusedError)
    assert bench.files() == before
    bench.install(answer, new_authority=True)
    assert bench.files()["ca.pem"] != before["ca.pem"]


@pytest.mark.parametrize("days", [-3, 91])
def test_by_a_wrong_clock_or_after_its_end_an_answer_is_refused(bench: Bench, days: int) -> None:
    answer = bench.ask()
    said = complaint(lambda: bench.install(answer, at=now() + timedelta(days=days)), CertificateError)
    assert "set the clock" in said


def test_a_brokers_certificate_is_not_taken_for_a_gates(bench: Bench) -> None:
    asked = bench.enrolment().ask(new_key=False)
    answer = bench.authority.sign(asked.pem, "x", 90, BY).answer
    uses = x509.load_pem_x509_certificate(answer).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [use._name for use in uses] == ["clientAuth"]


def test_only_names_of_gates_are_signed(bench: Bench) -> None:
    """A wildcard or the centre's name in a certificate would be a right at the broker."""
    key, signing_key = ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate().public_key()
    for name in ("centre/county-1", "county-1/+/+", "county-1/school-3", "county-1/school-3/north/down", "#", "A/b/c"):
        request = make_request(name, key, signing_key)
        assert "is no county/school/gate" in complaint(
            lambda request=request: bench.authority.sign(request, "x", 9, BY), RefusedError
        )
    assert bench.authority.issued() == []


def test_a_name_too_long_for_a_certificate_is_told_before_anything_is_made() -> None:
    assert "64 at most" in complaint(lambda: name_of(Address("c" * 30, "s" * 40, "g")), RefusedError)


def test_a_damaged_request_is_refused(bench: Bench) -> None:
    pem = bench.enrolment().ask(new_key=False).pem
    flipped = pem[:200] + bytes([pem[200] ^ 1]) + pem[201:]
    for damaged in (b"", pem[:200], pem + pem, flipped, pem[: pem.index(b"-----BEGIN PUBLIC")]):
        complaint(lambda damaged=damaged: bench.authority.sign(damaged, "x", 9, BY), CertificateError)


BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----\n", re.DOTALL)


def bent(pem: bytes, chance: random.Random) -> bytes:
    """The same blocks with some bytes changed, lost or put in, below the base64."""
    out = b""
    for block in BLOCK.finditer(pem):
        der = bytearray(base64.b64decode(block[2]))
        for _ in range(chance.choice((0, 1, 1, 2, 5))):
            place = chance.randrange(len(der))
            der[place : place + chance.randrange(2)] = bytes(chance.randrange(256) for _ in range(chance.randrange(2)))
        kind, text = block[1], base64.encodebytes(bytes(der))
        out += b"-----BEGIN " + kind + b"-----\n" + text + b"-----END " + kind + b"-----\n"
    return out


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_of_a_thousand_bent_requests_and_answers_each_is_taken_or_refused_in_one_line(bench: Bench) -> None:
    chance = random.Random(6)
    gate, today, centre = bench.enrolment(), now(), bench.gate / "centre.pub"
    asked = gate.ask(new_key=False)
    answer = bench.authority.sign(asked.pem, "x", 90, BY).answer

    def install(pem: bytes) -> None:
        gate.install(pem, "x", today, centre, new_authority=False)

    refusals = []
    for _ in range(500):
        for read, pem in ((lambda pem: read_request(pem, "x"), asked.pem), (install, answer)):
            try:
                read(bent(pem, chance))
            except GatepostError as error:
                refusals.append(str(error))
    assert len(refusals) > 500
    assert not [said for said in refusals if "\n" in said]


def test_a_revoked_gate_is_on_the_list_and_its_signing_key_is_withdrawn(bench: Bench) -> None:
    bench.ask()
    bench.ask()
    done = bench.authority.revoke(NAME, BY, "stolen")
    listed = x509.load_pem_x509_crl(bench.authority.revoked_file.read_bytes())
    assert {f"{one.serial_number:040x}" for one in listed} == {one.serial for one in done}
    assert len(done) == 2
    assert GateKeys(bench.data / KEYS_DIRECTORY).of(NAME) == ()
    assert "no valid certificate" in complaint(lambda: bench.authority.revoke(NAME, BY, "again"), RefusedError)
    bench.ask()
    assert sorted(one.state for one in bench.authority.issued()) == ["revoked", "revoked", "valid"]


def test_the_list_of_the_revoked_lasts_as_long_as_the_authority(bench: Bench) -> None:
    """A broker whose list has run out lets no gate in at all."""
    listed = x509.load_pem_x509_crl(bench.authority.revoked_file.read_bytes())
    authority = x509.load_pem_x509_certificate(bench.authority.certificate_file.read_bytes())
    assert listed.next_update_utc == authority.not_valid_after_utc


def test_nobody_stands_in_for_a_gate_that_is_not_revoked(bench: Bench) -> None:
    bench.ask()
    assert "revoke it first" in complaint(lambda: bench.authority.stand_in(NAME), RefusedError)
    bench.authority.revoke(NAME, BY, "stolen")
    certificate, _ = bench.authority.stand_in(NAME)
    assert x509.load_pem_x509_certificate(certificate).not_valid_after_utc < now() + timedelta(minutes=11)


def test_an_authority_is_not_made_twice(bench: Bench) -> None:
    before = (bench.data / DIRECTORY / "ca.key").read_bytes()
    assert "holds an authority already" in complaint(lambda: bench.authority.init("county-1", BY), RefusedError)
    assert (bench.data / DIRECTORY / "ca.key").read_bytes() == before


def test_a_county_whose_name_could_not_stand_in_a_topic_is_refused(bench: Bench) -> None:
    new = Authority(bench.data.parent / "new")
    for act in (lambda: new.init("County 1", BY), lambda: bench.authority.issue("+", (), 9, BY)):
        assert "is no county/school/gate" in complaint(act, RefusedError)


def test_every_act_is_in_the_log_with_who_did_it(bench: Bench) -> None:
    bench.ask()
    bench.authority.revoke(NAME, "Wang Fang", "stolen")
    lines = (bench.data / DIRECTORY / "log").read_text().splitlines()
    assert [line.split(" ", 1)[1].rsplit(" ", 1)[0] for line in lines] == [
        "'Li Wei' init gatepost authority of county-1",
        f"'Li Wei' sign {NAME}",
        f"'Wang Fang' revoke (stolen) {NAME}",
    ]


def test_a_broker_without_the_three_files_is_told(bench: Bench) -> None:
    bench.enrolment()
    loaded = settings.load(bench.gate / "gatepost.toml")
    assert "names no three files" in complaint(lambda: Enrolment(loaded, "two"), SettingsError)


def enrol(*words: object) -> None:
    """``gatepost enrol``, which must go well."""
    with pytest.raises(SystemExit) as ended:
        main(["enrol", *map(str, words)])
    assert ended.value.code in (0, None)


def centre(*words: object) -> None:
    """One command of ``gatepost-centre``."""
    app(list(map(str, words)), standalone_mode=False)


def test_the_commands_of_gate_and_centre_from_the_authority_to_the_list(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.enrolment()
    config, request, answer = bench.gate / "gatepost.toml", bench.gate / "request", bench.gate / "answer"
    common = "--data", bench.data.parent / "new", "--by", BY
    centre("ca", "init", "--county", "county-1", *common)
    centre(
        "ca", "issue", "--broker", "mqtt.example.org", "--broker", "10.0.0.1", "--to", bench.gate / "broker", *common
    )
    centre("ca", "issue", "--centre", "county-1", "--to", bench.gate / "tls", *common)
    enrol("--config", config, "--out", request)
    fingerprint = capsys.readouterr().err.strip()[-24:]
    centre("ca", "sign", request, "--to", answer, "--fingerprint", fingerprint, *common)
    assert "this gate will not check the centre's signature" in capsys.readouterr().out
    enrol("--config", config, "--install", answer)
    assert f"{NAME} has its certificate until" in capsys.readouterr().out
    centre("ca", "revoke", NAME, "--because", "stolen", *common)
    capsys.readouterr()
    centre("ca", "list", *common[:2])
    shown = {tuple(line.split()[place] for place in (0, 4)) for line in capsys.readouterr().out.splitlines()}
    assert shown == {("valid", "mqtt.example.org"), ("valid", "centre/county-1"), ("revoked", NAME)}


def test_the_command_says_what_is_missing_for_the_centres_key_to_count(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = bench.gate / "answer"
    answer.write_bytes(bench.ask())
    enrol("--config", bench.gate / "gatepost.toml", "--install", answer)
    assert f'[centre] public_key_file = "{bench.gate / "centre.pub"}"' in capsys.readouterr().out
