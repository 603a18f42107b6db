"""The doctor's own connection, against a real mosquitto: how far it gets and why, and that it disturbs nobody."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from edge import wire
from edge.drivers.dialling import dialled
from edge.machine import Dialled, Step
from edge.settings import BrokerSettings
from edge.wire import Address
from tests.process.brokers import Authority, Listener, Mosquitto, SilentBroker, free_port, password_file

pytestmark = pytest.mark.process

GATE = Address("xihu", "school-3", "north")


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("county"))


def settings(port: int, **more: Any) -> BrokerSettings:
    return BrokerSettings(name="one", port=port, **{"host": "127.0.0.1", "tls": False, "connect_s_max": 5, **more})


def dial(port: int, *, login: bool = True, **more: Any) -> Dialled:
    return dialled(settings(port, **more), GATE, login=login)


def tls_lines(county: Authority, *more: str, days: int = 2) -> list[str]:
    certificate, key = county.issue(f"server{days}", host="IP:127.0.0.1", days=days)
    return [f"cafile {county.certificate}", f"certfile {certificate}", f"keyfile {key}", *more]


def test_a_name_that_nobody_knows_is_the_first_step_that_fails() -> None:
    told = dial(1883, host="no-such-broker.invalid")
    assert told.step is Step.NOTHING
    assert "host name not found" in told.reason


def test_a_port_where_nobody_listens_is_the_second() -> None:
    told = dial(free_port())
    assert (told.step, told.address) == (Step.RESOLVED, "127.0.0.1")
    assert "nothing listens there" in told.reason


def test_the_brokers_certificate_is_checked_and_its_end_is_told(tmp_path: Path, county: Authority) -> None:
    with Mosquitto(tmp_path, tls_lines(county)) as broker:
        told = dial(broker.port, tls=True, ca_file=str(county.certificate), login=False)
        assert (told.step, told.reason) == (Step.ENCRYPTED, "")
        assert told.certificate_until_ms is not None
        days = (told.certificate_until_ms / 1000 - time.time()) / 86_400
        assert 1.5 < days < 2.5
        stranger = Authority(tmp_path / "stranger", "stranger")
        told = dial(broker.port, tls=True, ca_file=str(stranger.certificate))
        assert told.step is Step.CONNECTED
        assert "certificate that is refused" in told.reason
        told = dial(broker.port, tls=True, ca_file=str(tmp_path / "none.pem"))
        assert told.step is Step.CONNECTED
        assert "does not exist" in told.reason


def test_a_certificate_that_has_expired_stops_at_tls(tmp_path: Path, county: Authority) -> None:
    with Mosquitto(tmp_path, tls_lines(county, days=-1)) as broker:
        told = dial(broker.port, tls=True, ca_file=str(county.certificate))
        assert told.step is Step.CONNECTED
        assert "expired" in told.reason


def test_a_password_that_is_wrong_stops_at_the_login(tmp_path: Path) -> None:
    (tmp_path / "right").write_text("right-word\n")
    (tmp_path / "wrong").write_text("wrong-word\n")
    lines = [f"password_file {password_file(tmp_path, north='right-word')}"]
    with Mosquitto(tmp_path / "broker", lines, anonymous=False) as broker:
        told = dial(broker.port, username="north", password_file=str(tmp_path / "wrong"))
        assert told.step is Step.CONNECTED
        assert "refuses the login" in told.reason
        assert "wrong-word" not in told.reason
        told = dial(broker.port, username="north", password_file=str(tmp_path / "right"))
        assert (told.step, told.reason) == (Step.LOGGED_IN, "")


def test_a_broker_that_asks_for_a_certificate_stops_who_has_none(tmp_path: Path, county: Authority) -> None:
    with Mosquitto(tmp_path, tls_lines(county, "require_certificate true")) as broker:
        told = dial(broker.port, tls=True, ca_file=str(county.certificate))
        assert told.step is Step.ENCRYPTED
        assert told.reason
        certificate, key = county.issue("north")
        told = dial(
            broker.port, tls=True, ca_file=str(county.certificate), certificate_file=str(certificate),
            private_key_file=str(key),
        )  # fmt: skip
        assert (told.step, told.reason) == (Step.LOGGED_IN, "")


@pytest.mark.parametrize("listening", [True, False])
def test_what_the_centre_left_at_the_broker_is_heard(tmp_path: Path, listening: bool) -> None:
    with Mosquitto(tmp_path) as broker, Listener(broker.port) as other:
        word = wire.encode(wire.CentreWord(wire.SCHEMA, listening, None))
        other.publish(wire.centre_status_topic("xihu"), word, retain=True)
        told = dial(broker.port)
        assert (told.step, told.centre_listening) == (Step.LOGGED_IN, listening)


def test_where_the_centre_never_was_nothing_is_known_of_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Listener(broker.port) as other:
        assert dial(broker.port).centre_listening is None
        other.publish(wire.centre_status_topic("xihu"), b"nonsense", retain=True)
        assert dial(broker.port).centre_listening is None


@pytest.mark.parametrize("protocol", ["auto", "3.1.1", "5"])
def test_every_protocol_that_the_settings_allow_is_tried(tmp_path: Path, protocol: str) -> None:
    with Mosquitto(tmp_path) as broker:
        assert dial(broker.port, protocol=protocol).step is Step.LOGGED_IN


def test_a_broker_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        told = dial(mute.getsockname()[1], connect_s_max=1)
    assert told.step is Step.CONNECTED
    assert "no answer to the login within 1 s" in told.reason


def test_a_broker_that_hangs_up_is_told_so() -> None:
    with SilentBroker(connack=b"") as broker:
        told = dial(broker.port, connect_s_max=2)
    assert told.step is Step.CONNECTED
    assert told.reason


def test_the_gates_own_session_is_not_thrown_out_by_the_doctors(tmp_path: Path) -> None:
    """Two sessions with one client name would end each other; and the doctor leaves no last will behind."""
    with Mosquitto(tmp_path) as broker, Listener(broker.port, "gate/#") as other:
        for _ in range(3):
            assert dial(broker.port).step is Step.LOGGED_IN
        assert "gatepost-north-doctor-" in broker.log()
        assert "already connected" not in broker.log()
        other.publish("gate/marker", b"")
        assert other.next().topic == "gate/marker", "nothing of the doctor's came before it"
