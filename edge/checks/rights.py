"""Who may touch what: keys and passwords, the settings, the event log, the local sockets."""

from __future__ import annotations

from collections.abc import Iterator

from edge.checks.gate import NO_SETTINGS, SERVICE, Gate
from edge.findings import Check, Finding
from edge.languages import Text, same
from edge.ledger_key import KEY_FILE
from edge.requests import CONTROL_SOCKET, VIEW_SOCKET
from edge.settings import Settings

SECRETS = Text("Secrets", "密钥与口令")
SETTINGS = Check("rights.settings", Text("Rights of the settings", "设置文件权限"))
STATE = Check("rights.state", Text("Rights of the event log", "事件记录权限"))
SOCKETS = Check("rights.sockets", Text("Rights of the sockets", "套接字权限"))

SCREEN = "gatepost-kiosk"
"""The screen's account and group, as in ``systemd/gatepost-kiosk.service``."""

OPERATOR = Check("operator", Text("Who you are in the record", "您在记录中的身份"))

OTHERS, OTHERS_WRITE, GROUP_WRITE = 0o007, 0o002, 0o020
ALL_BUT_OWNER = 0o077


def checks(gate: Gate) -> Iterator[Finding]:
    """Secrets first."""
    settings = gate.settings
    if settings is None:
        yield Check("rights.secrets", SECRETS).not_tested(NO_SETTINGS)
    else:
        for name, path in secret_files(settings):
            check = Check(f"rights.{name}", Text(f"Secret {name.partition('.')[2]}", f"密钥 {name.partition('.')[2]}"))
            if name.startswith("kiosk."):  # the screen runs as another user
                yield _rights(gate, check, path, OTHERS, f"sudo chgrp {SCREEN} {path}; sudo chmod 640 {path}")
            else:
                yield _rights(gate, check, path, ALL_BUT_OWNER, f"sudo chown {SERVICE} {path}; sudo chmod 600 {path}")
    yield _rights(gate, SETTINGS, gate.file, OTHERS_WRITE, f"sudo chown root {gate.file}; sudo chmod 644 {gate.file}")
    if settings is not None:
        directory = settings.gate.state_directory
        todo = f"sudo chown -R {SERVICE}: {directory}; sudo chmod 755 {directory}"
        yield _rights(gate, STATE, directory, GROUP_WRITE | OTHERS_WRITE, todo)
        yield _sockets(gate, settings)
    yield _operator(gate)


def secret_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """The files that nobody but a service of the gate may read: what each is called, and where it is."""
    for broker in settings.broker:
        for key in ("private_key_file", "password_file"):
            path = getattr(broker, key)
            if path is not None:
                yield f"{broker.name}.{key}", path
    yield f"gate.{KEY_FILE}", f"{settings.gate.state_directory}/{KEY_FILE}"
    if settings.kiosk is not None and settings.kiosk.teacher_token_file is not None:
        yield "kiosk.teacher_token_file", settings.kiosk.teacher_token_file


def _rights(gate: Gate, check: Check, path: str, forbidden: int, todo: str) -> Finding:
    try:
        seen = gate.machine.file(path)
    except PermissionError:
        return check.hidden(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.endswith(f"/{KEY_FILE}"):
            return check.not_here(Text(f"{path}: made at the daemon's first start", f"{path}：主程序首次启动时生成"))
        todo_file = Text("Put it there, or correct the settings", "请放置该文件，或改正设置")
        return check.failed(same(f"{path}: {error.strerror}"), todo_file)
    said = same(f"{path}: {seen.mode:04o} {seen.owner}:{seen.group}")
    return check.judged(not seen.mode & forbidden, said, same(todo))


def _sockets(gate: Gate, settings: Settings) -> Finding:
    said = []
    for name in (VIEW_SOCKET, CONTROL_SOCKET):
        path = f"{settings.gate.runtime_directory}/{name}"
        try:
            seen = gate.machine.file(path)
        except PermissionError:
            return SOCKETS.hidden(path)
        except OSError as error:
            return SOCKETS.not_tested(same(f"{path}: {error.strerror}"))
        said.append(f"{name} {seen.mode:04o} {seen.owner}:{seen.group}")
        if seen.mode & OTHERS:
            return SOCKETS.failed(
                Text(f"{path} is open to everybody ({seen.mode:04o})", f"{path} 对所有人开放（{seen.mode:04o}）"),
                same(f"sudo systemctl restart {SERVICE}"),
            )
    return SOCKETS.passed(same(", ".join(said)))


def _operator(gate: Gate) -> Finding:
    """Tests, calibrations and resets name whoever asked for them, with their SSH key where sshd tells it."""
    who = gate.machine.operator()
    if not who.came_from:
        return OPERATOR.not_here(Text(f"{who}, not by SSH", f"{who}，不是通过 SSH"))
    return OPERATOR.judged(
        bool(who.key_fingerprint),
        same(str(who)),
        Text(
            "Write ExposeAuthInfo yes into /etc/ssh/sshd_config, restart ssh and log in with a key",
            "请在 /etc/ssh/sshd_config 写入 ExposeAuthInfo yes，重启 ssh，并用密钥登录",
        ),
    )
