"""What an operator sees when something is wrong: one clear line, an exit code of its own, and no press lost to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.process.brokers import Authority, Mosquitto, free_port
from tests.process.centre import CentreProcess
from tests.process.gate import (
    GateProcess,
    bench_tables,
    gatepost,
    plain_broker,
    settings_text,
    troubles,
)
from tests.process.waiting import until

pytestmark = pytest.mark.process


def test_every_mistake_in_the_settings_is_a_line_of_its_own(tmp_path: Path) -> None:
    """File, key, given, allowed; an unknown key with the nearest known one. Exit code 3."""
    file = tmp_path / "gate.toml"
    wrong = {"button": {"key_gpoi": 17, "confirm_ms": 41, "poll_ms": "often"}, "alarm": {"done_on": "hope"}}
    file.write_text(settings_text([plain_broker(70_000)], bench_tables(tmp_path, **wrong)))
    for words in (["run", "--config", str(file)], ["config", "check", str(file)]):
        done = gatepost(*words)
        assert done.returncode == 3, done.stderr
        lines = done.stderr.splitlines()
        for key, said in {
            "button.key_gpoi": "key_gpio",
            "button.confirm_ms": "0 to 40",
            "button.poll_ms": "often",
            "alarm.done_on": "broker",
            "broker[1].port": "70000",
        }.items():
            about = [line for line in lines if key in line]
            assert len(about) == 1, (key, lines)
            assert str(file) in about[0]
            assert said in about[0]
        assert "Traceback" not in done.stderr


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = gatepost("run", "--config", str(tmp_path / "missing.toml"))
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "missing.toml" in done.stderr


def test_pins_that_cannot_be_had_are_fatal_and_never_replaced(tmp_path: Path) -> None:
    """A gate whose button hangs on the wrong library looks healthy. Exit code 4."""
    file = tmp_path / "gate.toml"
    file.write_text(settings_text([plain_broker(free_port())], bench_tables(tmp_path, pins={"factory": "lgpio"})))
    done = gatepost("run", "--config", str(file))
    if done.returncode == 0:
        pytest.skip("this machine has GPIO lines")
    assert done.returncode == 4, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "pins.factory = 'lgpio'" in done.stderr
    assert "install" in done.stderr


def test_a_second_daemon_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with GateProcess(tmp_path, free_port()) as gate:
        done = gate.command_line("run")
        assert done.returncode == 5, done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert str(gate.run_directory) in done.stderr
        gate.press_and_wait()
        gate.wait_lamp("stored")


def test_settings_with_which_the_gate_never_started_do_not_become_the_last_that_worked(tmp_path: Path) -> None:
    """They parse, and that is all that is known of them: here the sockets are taken, elsewhere it may be the pins."""
    with GateProcess(tmp_path, free_port()) as gate:
        last_good = gate.state / "settings.last-good.json"
        until(last_good.exists)
        kept = last_good.read_bytes()
        gate.settings_file.write_text(gate.settings_file.read_text().replace("key_gpio = 17", "key_gpio = 18"))
        assert gate.command_line("run").returncode == 5
        assert last_good.read_bytes() == kept


def test_without_a_daemon_status_watch_press_and_reset_say_so(tmp_path: Path) -> None:
    for words in (["status"], ["watch", "--json"], ["press"], ["reset", "--by", "Li Wei"]):
        done = gatepost(*words, "--runtime-directory", str(tmp_path / "run"))
        assert done.returncode == 7, (words, done.stderr)
        assert len(done.stderr.splitlines()) == 1, words
        assert str(tmp_path / "run") in done.stderr


def test_status_after_a_kill_is_not_fooled_by_the_socket_that_was_left(tmp_path: Path) -> None:
    with GateProcess(tmp_path, free_port()) as gate:
        gate.kill9()
        assert gate.command_line("status").returncode == 7


def test_status_tells_a_well_gate_from_one_in_trouble(tmp_path: Path, broker: Mosquitto) -> None:
    with CentreProcess(tmp_path / "c", broker.port) as centre, GateProcess(tmp_path / "g", broker.port) as gate:
        gate.wait_for(lambda view: view["brokers"][0]["centre_listening"] is True)
        assert gate.command_line("status").returncode == 0
        centre.kill9()
        gate.wait_for(lambda view: "centre_lost" in troubles(view))
        done = gate.command_line("status", "--json")
        assert done.returncode == 1
        said = json.loads(done.stdout)
        assert said["standing"][0]["trouble"] == "centre_lost"
        assert said["card"]["written_bytes"] is None or said["card"]["written_bytes"] >= 0


@pytest.mark.parametrize("broken", ["missing", "garbage", "another key"])
def test_a_bad_certificate_is_found_by_the_check_and_stops_neither_daemon_nor_press(
    tmp_path: Path, broken: str
) -> None:
    """The check says exit code 6; ``run`` stays up, says why there is no connection, and stores the press."""
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("gate")
    if broken == "missing":
        certificate.unlink()
    elif broken == "garbage":
        certificate.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    else:
        _, key = authority.issue("other")
    files = {"ca_file": authority.certificate, "certificate_file": certificate, "private_key_file": key}
    entry = plain_broker(free_port(), **{name: str(file) for name, file in files.items()})
    with GateProcess(tmp_path / "g", {**entry, "tls": True}) as gate:
        done = gatepost("config", "check", str(gate.settings_file))
        assert done.returncode == 6, done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "gate" in done.stderr
        assert "Traceback" not in done.stderr
        gate.press_and_wait()
        view = gate.wait_for(lambda view: view["lamp"] == "stored" and view["brokers"][0]["reason"] != "")
        gate.wait_for(lambda view: "certificate" in view["brokers"][0]["reason"])
        assert view["incident"]["unreceived"] == 1
        assert gate.alive


def test_settings_broken_after_a_good_start_cost_no_press(tmp_path: Path, broker: Mosquitto) -> None:
    """The daemon runs on those that worked last, says so, and ends the trouble once they are put right."""
    with CentreProcess(tmp_path / "c", broker.port) as centre, GateProcess(tmp_path / "g", broker.port) as gate:
        gate.wait_connected()
        good = gate.settings_file.read_text()
        gate.terminate()
        gate.settings_file.write_text(good.replace("key_gpio = 17", "key_gpio = 99"))
        gate.start()
        view = gate.wait_for(lambda view: "settings_refused" in troubles(view))
        assert view["fault"]
        gate.press_and_wait()
        gate.wait_lamp("received")
        assert len(centre.wait_presses(1)) == 1
        assert "key_gpio" in centre.wait_trouble("settings_refused")["event"]["body"]["detail"]
        assert "button.key_gpio" in gate.log(), "the mistake is in the journal as well"
        gate.terminate()
        gate.settings_file.write_text("this is no TOML at all [")
        gate.start(STATE_DIRECTORY=str(gate.state))  # as systemd says it, where the file no longer does
        gate.press_and_wait()
        assert len(centre.wait_presses(2)) == 2
        gate.terminate()
        gate.settings_file.write_text(good)
        gate.start()
        gate.wait_connected()
        assert "settings_refused" not in troubles(gate.view())


def test_a_state_directory_that_cannot_be_made_costs_durability_and_nothing_else(
    tmp_path: Path, broker: Mosquitto
) -> None:
    (tmp_path / "file").write_text("in the way")
    elsewhere = {"state_directory": str(tmp_path / "file" / "state")}
    with (
        CentreProcess(tmp_path / "c", broker.port) as centre,
        GateProcess(tmp_path / "g", broker.port, gate=elsewhere) as gate,
    ):
        gate.press_and_wait()
        gate.wait_lamp("received")
        assert "store_in_memory" in troubles(gate.view())
        centre.wait_trouble("store_in_memory")


def test_a_runtime_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file, blocked = tmp_path / "gate.toml", tmp_path / "file"
    blocked.write_text("in the way")
    tables = bench_tables(tmp_path, gate={"runtime_directory": str(blocked / "run")})
    file.write_text(settings_text([plain_broker(free_port())], tables))
    done = gatepost("run", "--config", str(file))
    assert done.returncode == 8, done.stderr
    assert str(blocked) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_press_with_real_pins_in_the_settings_is_refused_by_name(tmp_path: Path) -> None:
    """Only where pins are simulated: here the settings are read for the sockets alone, and no daemon runs."""
    file = tmp_path / "gate.toml"
    file.write_text(settings_text([plain_broker(free_port())], bench_tables(tmp_path, pins={"factory": "lgpio"})))
    assert gatepost("press", "--config", str(file)).returncode == 7
