"""The way to the centre, broker by broker: certificates and their days, name, port, encryption, login, the centre.

Last, whose signature makes a word the centre's.

A broker's steps are taken in order, on a fresh connection beside the daemon's. After the first that fails the rest is
NOT_TESTED. Where the daemon is logged in, that is the proof, and no second login is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge.certificate_view import DAY_MS, RENEW_DAYS
from edge.checks.gate import NO_SETTINGS, Gate
from edge.findings import Check, Finding
from edge.languages import Text, same
from edge.machine import Dialled, Step
from edge.settings import BrokerSettings, Settings
from edge.wire import Address

_STEPS = {
    Step.RESOLVED: ("name", Text("name", "域名")),
    Step.CONNECTED: ("port", Text("port", "端口")),
    Step.ENCRYPTED: ("tls", Text("TLS", "TLS 加密")),
    Step.LOGGED_IN: ("login", Text("login", "登录")),
}
_TODO = {
    Step.RESOLVED: Text("Check the cable, then: resolvectl status; or correct the broker's host",
                        "请检查网线，然后：resolvectl status；或改正 broker 的 host"),
    Step.CONNECTED: Text("Check the cable and the firewall; ask the county whether the broker runs",
                         "请检查网线和防火墙；询问县里消息服务器是否在运行"),
    Step.ENCRYPTED: Text("Check ca_file, the broker's host name and this machine's clock",
                         "请检查 ca_file、消息服务器域名和本机时钟"),
    Step.LOGGED_IN: Text("Tell the county's administrator this line: name, password or certificate is not accepted",
                         "请把这一行告诉县管理员：用户名、口令或证书未被接受"),
}  # fmt: skip
CENTRE_KEY = Check("centre.public_key_file", Text("The centre's signature", "中心签名"))
_RENEW = Text("Ask the county's administrator for a new one now", "请立即向县管理员申请新证书")


def checks(gate: Gate) -> Iterator[Finding]:
    """Every broker of the settings."""
    if gate.settings is None:
        yield Check("broker", Text("Brokers", "消息服务器")).not_tested(NO_SETTINGS)
        return
    for broker in gate.settings.broker:
        for key in ("ca_file", "certificate_file"):
            path = getattr(broker, key)
            if path is not None:
                yield _certificate(gate, broker, key, path)
        yield from _steps(gate, gate.settings, broker)
    yield _centre_key(gate, gate.settings.centre.public_key_file)


def _centre_key(gate: Gate, path: str | None) -> Finding:
    """Whose words the gate obeys."""
    if path is None:
        return CENTRE_KEY.not_here(
            Text(
                "no key is set: receipts and windows are obeyed without a signature",
                "未设置公钥：回执和测试窗口不验签名即被执行",
            )
        )
    from edge.errors import CertificateError
    from edge.ledger_key import fingerprint, public_keys_in

    todo = Text("Get the centre's public key file again from the county", "请向县里重新索取中心的公钥文件")
    try:
        keys = public_keys_in(gate.machine.text(path).encode(), path)
    except PermissionError:
        return CENTRE_KEY.hidden(path)
    except OSError as error:
        return CENTRE_KEY.failed(same(f"{path}: {error.strerror}"), todo)
    except CertificateError as error:
        return CENTRE_KEY.failed(same(str(error)), todo)
    return CENTRE_KEY.passed(same(f"{path}: {', '.join(fingerprint(key.public_key) for key in keys)}"))


def _certificate(gate: Gate, broker: BrokerSettings, key: str, path: str) -> Finding:
    from cryptography import x509

    check = Check(f"broker.{broker.name}.{key}", Text(f"{broker.name}: {key}", f"{broker.name}：{key}"))
    try:
        found = x509.load_pem_x509_certificates(gate.machine.text(path).encode())
    except PermissionError:
        return check.hidden(path)
    except OSError as error:
        return check.failed(same(f"{path}: {error.strerror}"), _RENEW)
    except ValueError:
        return check.failed(Text(f"{path} holds no PEM certificate", f"{path} 不含 PEM 证书"), _RENEW)
    from_ms = max(round(one.not_valid_before_utc.timestamp() * 1000) for one in found)
    if from_ms > gate.machine.wall_ms():
        return check.failed(
            Text(f"{path} is not valid yet by this machine's clock", f"按本机时钟，{path} 尚未生效"),
            Text("Set the clock: timedatectl", "请校准时钟：timedatectl"),
        )
    until = min(one.not_valid_after_utc for one in found)
    return _days(gate, check, round(until.timestamp() * 1000), f"{until:%Y-%m-%d}")


def _days(gate: Gate, check: Check, until_ms: int, date: str) -> Finding:
    days = (until_ms - gate.machine.wall_ms()) // DAY_MS
    if days < 0:
        return check.failed(Text(f"expired on {date}", f"已于 {date} 到期"), _RENEW)
    said = Text(f"until {date}, {days} days more", f"有效至 {date}，还有 {days} 天")
    return check.judged(days >= RENEW_DAYS, said, _RENEW)


def _steps(gate: Gate, settings: Settings, broker: BrokerSettings) -> Iterator[Finding]:
    told: Mapping[str, Any] = next((one for one in gate.view.get("brokers", ()) if one.get("name") == broker.name), {})
    by_daemon = told.get("phase") == "up"
    place = settings.gate
    dialled = gate.machine.dial(broker, Address(place.county, place.school, place.gate), login=not by_daemon)
    failed = False
    for step, (name, title) in _STEPS.items():
        check = Check(f"broker.{broker.name}.{name}", Text(f"{broker.name}: {title.en}", f"{broker.name}：{title.zh}"))
        if step is Step.ENCRYPTED and not broker.tls:
            yield check.not_here(Text("not encrypted, by the settings", "设置为不加密"))
        elif step is Step.LOGGED_IN and by_daemon:
            yield check.passed(Text("the daemon is logged in", "主程序已登录"))
        elif dialled.step >= step:
            yield _worked(gate, check, step, broker, dialled)
        elif not failed:
            failed = True
            yield check.failed(same(dialled.reason), _TODO[step])
        else:
            yield check.not_tested(Text("a step before it failed", "前一步已失败"))
    yield _centre(
        broker,
        told.get("centre_listening") if by_daemon else dialled.centre_listening,
        by_daemon or dialled.step is Step.LOGGED_IN,
    )


def _worked(gate: Gate, check: Check, step: Step, broker: BrokerSettings, dialled: Dialled) -> Finding:
    if step is Step.RESOLVED:
        return check.passed(same(f"{broker.host} = {dialled.address}"))
    if step is Step.CONNECTED:
        return check.passed(Text(f"{broker.port} is open", f"{broker.port} 已开放"))
    if step is Step.ENCRYPTED and dialled.certificate_until_ms is not None:
        from datetime import UTC, datetime

        date = datetime.fromtimestamp(dialled.certificate_until_ms / 1000, UTC)
        return _days(gate, check, dialled.certificate_until_ms, f"{date:%Y-%m-%d}")
    return check.passed(Text("it works", "正常"))


def _centre(broker: BrokerSettings, listening: bool | None, asked: bool) -> Finding:
    check = Check(f"broker.{broker.name}.centre", Text(f"{broker.name}: county centre", f"{broker.name}：县指挥中心"))
    if not asked:
        return check.not_tested(Text("the broker was not reached", "未连上消息服务器"))
    if listening is None:
        return check.not_tested(Text("it has not said whether it listens", "中心没有说明是否在接收"))
    said = Text("it listens", "正在接收") if listening else Text("it does not listen", "未在接收")
    return check.judged(
        listening,
        said,
        Text("Call the county centre: their program must be started", "请致电县指挥中心：他们的程序必须启动"),
    )
