"""A technician's SSH key with a forced command, through a real sshd: its few words work, all others are refused."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import chain
from edge.drivers.log_reader import LogReader, Wanted
from edge.events import Code, Topic
from tests.process.brokers import free_port
from tests.process.gate import GateProcess
from tests.process.programs import PROJECT
from tests.process.waiting import PATIENCE_S, until

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
PRIVILEGES = Path("/run/sshd")
"""sshd as root wants it; Debian's start script makes it."""

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason="openssh-server is not installed here"),
]

SSHD_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
ExposeAuthInfo {exposed}
SetEnv GATEPOST_CONFIG={settings} GATEPOST_RUNTIME_DIRECTORY={run} PATH={path}
"""


class SshServer:
    """sshd as this user on a port of loopback. The key ``forced`` may run the script, ``free`` anything."""

    def __init__(self, directory: Path, gate: GateProcess, exposed: str = "yes") -> None:
        directory.mkdir()
        if os.geteuid() == 0:
            PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.fingerprints = {name: self._key(name) for name in ("host", "forced", "free")}
        command = f'command="{PROJECT}/scripts/selftest.sh",restrict'
        lines = [f"{command} {self._public('forced')}", self._public("free")]
        (directory / "authorized_keys").write_text("\n".join(lines) + "\n")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        (directory / "config").write_text(
            SSHD_CONFIG.format(
                port=self.port, directory=directory, exposed=exposed, settings=gate.settings_file,
                run=gate.run_directory, path=path,
            )
        )  # fmt: skip
        assert SSHD is not None
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(directory / "config")], stderr=self._log)
        until(self._listens, what=lambda: (directory / "log").read_text())

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._log.close()

    def ssh(self, *words: str, key: str = "forced") -> subprocess.CompletedProcess[str]:
        """Log in with this key, say these words, and wait for the end."""
        options = {
            "BatchMode": "yes", "IdentitiesOnly": "yes", "StrictHostKeyChecking": "no",
            "Port": str(self.port), "UserKnownHostsFile": str(self.directory / "known_hosts"), "LogLevel": "ERROR",
        }  # fmt: skip
        given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return subprocess.run(
            ["ssh", "-F", "none", *given, "-i", str(self.directory / key), "127.0.0.1", "--", *words],
            capture_output=True, text=True, check=False, timeout=2 * PATIENCE_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def _key(self, name: str) -> str:
        file = self.directory / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)], check=True)
        printed = subprocess.run(["ssh-keygen", "-lf", str(file)], check=True, capture_output=True, text=True)
        return printed.stdout.split()[1]

    def _public(self, name: str) -> str:
        return (self.directory / f"{name}.pub").read_text().strip()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateProcess]:
    with GateProcess(tmp_path_factory.mktemp("gate"), free_port()) as gate:
        yield gate


@pytest.fixture(scope="module")
def server(gate: GateProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    server = SshServer(tmp_path_factory.mktemp("ssh") / "server", gate)
    yield server
    server.close()


def test_the_words_of_the_forced_command_are_obeyed_with_their_exit_codes(server: SshServer) -> None:
    told = server.ssh("doctor", "--json")
    *checks, whole = map(json.loads, told.stdout.splitlines())
    assert (told.returncode, whole["result"]) == (1, "FAIL"), told.stderr
    assert {one["check"]: one["verdict"] for one in checks}["daemon.answers"] == "PASS"
    told = server.ssh("status --json")
    assert json.loads(told.stdout)["armed"] is True
    told = server.ssh("wiring", "--language", "zh")
    assert told.returncode == 0
    assert "报警按钮" in told.stdout
    assert server.ssh("queue").returncode in (0, 1)


@pytest.mark.parametrize(
    "words",
    [
        "bash",
        "reset --by me",
        "press",
        "doctor; id",
        "doctor\nid",
        "doctor $(id)",
        "doctor --config /etc/passwd",
        "status --json; id",
        "tail --follow",
        "run --config x",
        "--json bash",
        "*",
        "selftest run --full --by x",
        "selftest --full",
        " doctor",
        "doctor ",
        "doctor  --json",
        "--help",
    ],
)
def test_any_other_word_is_refused_and_nothing_is_run(server: SshServer, words: str) -> None:
    told = server.ssh(words)
    assert told.returncode == 10
    assert told.stdout == ""
    assert "is not allowed here; allowed: selftest, selftest path, " in told.stderr


def test_the_doctor_names_the_key_that_sshd_let_in(server: SshServer) -> None:
    for name in ("forced", "free"):
        words = "doctor --json" if name == "forced" else "gatepost doctor --only operator --json"
        checks = [json.loads(line) for line in server.ssh(words, key=name).stdout.splitlines()]
        (who,) = [one for one in checks if one.get("check") == "operator"]
        assert who["verdict"] == "PASS"
        assert f"from 127.0.0.1 with the key {server.fingerprints[name]}" in who["said"]


def test_the_key_arrives_in_the_report_of_a_test(server: SshServer, gate: GateProcess) -> None:
    told = server.ssh("selftest path --json")  # before any press: while an alarm is open no test begins
    assert told.returncode == 1, "no broker listens"
    assert told.stderr == ""
    reader = LogReader(gate.state / "events.db")

    def reports() -> list[chain.Report]:
        bodies = [one.row.record.body for one in reader.find(Wanted(topic=Topic.SELF_TEST))]
        return [chain.report_of(body) for body in bodies if chain.is_report(body)]

    asked = [one for one in until(reports, what=gate.log) if one.operator]
    assert [one.key_fingerprint for one in asked] == [server.fingerprints["forced"]]


def test_the_key_arrives_in_the_record_of_a_reset(server: SshServer, gate: GateProcess) -> None:
    gate.press_and_wait()
    told = server.ssh("gatepost reset --by 'Li Wei'", key="free")
    assert (told.returncode, told.stdout) == (0, "The alarm is ended by Li Wei.\n")
    reader = LogReader(gate.state / "events.db")
    (found,) = until(lambda: reader.find(Wanted(code=Code.PANIC_RESET)), what=gate.log)
    said = " ".join(map(str, found.row.record.body.values()))
    assert "Li Wei" in said
    assert f"uid {os.geteuid()}, key {server.fingerprints['free']}" in said


def test_an_sshd_that_does_not_tell_the_key_is_named_as_the_fault(gate: GateProcess, tmp_path: Path) -> None:
    server = SshServer(tmp_path / "server", gate, exposed="no")
    try:
        told = server.ssh("gatepost doctor --only operator --json", key="free")
        finding = json.loads(told.stdout.splitlines()[0])
        assert (told.returncode, finding["verdict"]) == (1, "FAIL")
        assert "ExposeAuthInfo yes" in finding["todo"]
    finally:
        server.close()
