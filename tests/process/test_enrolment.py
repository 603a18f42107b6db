"""A county's certificates from the first request to the thief's last word: the shipped broker and the real commands."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from centre.authority import DIRECTORY, Authority
from edge import settings
from edge.enrolment import Enrolment
from tests.process.brokers import Listener, Mosquitto
from tests.process.gate import COUNTY, SCHOOL, GateProcess, plain_broker
from tests.process.programs import PROJECT
from tests.process.rights import CountyBroker, RightsClient, context
from tests.process.waiting import PATIENCE_S, until

pytestmark = pytest.mark.process

NAME = f"{COUNTY}/{SCHOOL}/north"
BY = "Li Wei"
RELOADED = "ACL pattern"
"""Said at the start and at each reload: mosquitto reads its rights anew."""

STOLEN = f"{COUNTY}/{SCHOOL}/stolen"
CUT_S_MAX = 60.0
"""Issue 6: a stolen gate's live session is cut within 60 s by the shipped procedure."""


def authority(*words: str) -> str:
    """One command of ``gatepost-centre ca``; what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "centre", "ca", *words],
        capture_output=True, text=True, check=False, cwd=PROJECT, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


class County:
    """A directory of the centre's, a broker with its certificates, and gates that ask."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "centre"
        self.authority = Authority(self.data)
        self.authority.init(COUNTY, BY)
        self.broker = CountyBroker(directory / "broker")
        for name, pem in zip(
            ("broker.pem", "broker.key"), self.authority.issue("", ("127.0.0.1",), 2, BY), strict=True
        ):
            (self.broker.directory / name).write_bytes(pem)
        shutil.copy(self.authority.certificate_file, self.broker.directory / "ca.pem")
        self.publish_revoked()

    def publish_revoked(self) -> None:
        """Copy the list to the broker, as docs/county-broker.md says, and have it read."""
        shutil.copy(self.authority.revoked_file, self.broker.directory / "revoked.pem")
        if self.broker.process is not None:
            before = self.broker.log().count(RELOADED)
            self.broker.process.send_signal(signal.SIGHUP)  # what systemctl reload does
            until(lambda: self.broker.log().count(RELOADED) > before, what=self.broker.log)

    def enrol(self, gate: GateProcess) -> None:
        """A technician and an officer, with a telephone between them."""
        gate.state.mkdir(exist_ok=True)  # as systemd makes it
        enrolment = Enrolment(settings.load(gate.settings_file), None)
        asked = enrolment.ask(new_key=False)
        signed = self.authority.sign(asked.pem, "request", 90, BY, asked.fingerprint)
        centre = gate.directory / "centre.pub"
        done = enrolment.install(signed.answer, "answer", datetime.now(UTC), centre, new_authority=False)
        assert done.fingerprint == signed.trust_fingerprint


def certified(directory: Path, port: int) -> dict[str, object]:
    """A broker of a gate's settings, with the three files."""
    files = {"ca_file": "ca.pem", "certificate_file": "gate.pem", "private_key_file": "gate.key"}
    paths = {key: str(directory / file) for key, file in files.items()}
    return plain_broker(port, "county", **{**paths, "tls": True})


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    made = County(tmp_path_factory.mktemp("county"))
    with made.broker:
        yield made


def end_now(certificate: Path, data: Path) -> None:
    """Replace a gate's certificate by one of the same key that ended yesterday."""
    old = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = serialization.load_pem_private_key((data / DIRECTORY / "ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    public = old.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    made = x509.CertificateBuilder(
        old.issuer, old.subject, public, x509.random_serial_number(), yesterday - timedelta(days=9), yesterday
    )
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def test_an_ended_certificate_stops_no_alarm_and_a_new_one_needs_no_restart(county: County, tmp_path: Path) -> None:
    tables = certified(tmp_path, county.broker.port)
    with Mosquitto(tmp_path / "second") as second, Listener(second.port, "gate/#") as centre:
        gate = GateProcess(tmp_path, tables, plain_broker(second.port, "second"))
        county.enrol(gate)
        end_now(tmp_path / "gate.pem", county.data)
        with gate:
            view = gate.wait_for(lambda view: any(one["trouble"] == "certificate_ending" for one in view["standing"]))
            assert view["certificate_days"] == {"county": -2}
            gate.press()
            centre.next(lambda message: message.topic == f"gate/{NAME}/alarm")
            assert phase(gate.view(), "county") != "up"
            county.enrol(gate)
            gate.wait_for(lambda view: phase(view, "county") == "up")


def phase(view: dict[str, object], broker: str) -> object:
    brokers = view["brokers"]
    assert isinstance(brokers, list)
    return next(one["phase"] for one in brokers if one["name"] == broker)


def test_while_a_gate_renews_old_and_new_certificate_are_let_in(county: County, tmp_path: Path) -> None:
    gate = GateProcess(tmp_path, certified(tmp_path, county.broker.port), name="renewed")
    county.enrol(gate)
    old = tmp_path / "old.pem"
    shutil.copy(tmp_path / "gate.pem", old)
    county.enrol(gate)
    for certificate in (old, tmp_path / "gate.pem"):
        pair = certificate, tmp_path / "gate.key"
        with RightsClient(county.broker.port, context(county.data / DIRECTORY / "ca.pem", pair)) as client:
            assert client.may_write(f"gate/{COUNTY}/{SCHOOL}/renewed/alarm")


class Thief:
    """Holds a stolen key, and logs in again as soon as it is thrown out."""

    def __init__(self, port: int, ca: Path, pair: tuple[Path, Path]) -> None:
        self._tls = port, context(ca, pair)
        self.client = RightsClient(*self._tls)
        assert self.client.let_in

    def comes_back(self) -> bool:
        """Wait until it is out, then try again."""
        assert self.client.ended.wait(CUT_S_MAX)
        again = RightsClient(*self._tls)
        try:
            return again.let_in
        finally:
            again.close()


def test_a_stolen_gate_is_out_within_a_minute_and_no_other_gate_notices(county: County, tmp_path: Path) -> None:
    ca = county.data / DIRECTORY / "ca.pem"
    for name in ("stolen", "honest"):
        (tmp_path / name).mkdir()
        county.enrol(GateProcess(tmp_path / name, certified(tmp_path / name, county.broker.port), name=name))
    thief = Thief(county.broker.port, ca, (tmp_path / "stolen" / "gate.pem", tmp_path / "stolen" / "gate.key"))
    pair = tmp_path / "honest" / "gate.pem", tmp_path / "honest" / "gate.key"
    with RightsClient(county.broker.port, context(ca, pair)) as honest:
        began_s = time.monotonic()
        authority("revoke", STOLEN, "--because", "stolen", "--data", str(county.data), "--by", BY)
        county.publish_revoked()
        assert thief.client.may_write(f"gate/{STOLEN}/alarm"), (
            "a list alone cuts no live session: or this test shows nothing"
        )
        url = f"mqtts://127.0.0.1:{county.broker.port}"
        authority("cut", STOLEN, "--broker", url, "--data", str(county.data), "--watch", "1")
        assert not thief.comes_back()
        assert time.monotonic() - began_s < CUT_S_MAX
        assert honest.may_write(f"gate/{COUNTY}/{SCHOOL}/honest/alarm")
        assert not honest.ended.is_set()


def test_a_broker_that_has_not_read_the_list_is_told(county: County, tmp_path: Path) -> None:
    """The place is held for a while: a thief who gets in again is seen."""
    county.enrol(GateProcess(tmp_path, certified(tmp_path, county.broker.port), name="second"))
    name = f"{COUNTY}/{SCHOOL}/second"
    tls = context(county.data / DIRECTORY / "ca.pem", (tmp_path / "gate.pem", tmp_path / "gate.key"))
    county.authority.revoke(name, BY, "stolen")
    thief = RightsClient(county.broker.port, tls)
    assert thief.let_in
    url = f"mqtts://127.0.0.1:{county.broker.port}"
    cutting = subprocess.Popen(
        [sys.executable, "-m", "centre", "ca", "cut", name, "--broker", url, "--data", str(county.data)],
        cwd=PROJECT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert thief.ended.wait(PATIENCE_S)
    with RightsClient(county.broker.port, tls):
        _, said = cutting.communicate(timeout=PATIENCE_S)
    assert cutting.returncode == 10
    assert "let the revoked" in said
