"""The clock: whether the kernel calls it set, how far it is off, and the time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge.checks.gate import NO_SETTINGS, Gate
from edge.findings import Check, Finding
from edge.languages import Text, same
from edge.settings import ClockSettings

SET = Check("clock.set", Text("Clock set", "时钟已校准"))
OFFSET = Check("clock.offset", Text("Offset to the time server", "与时间服务器的偏差"))
ZONE = Check("clock.zone", Text("Time zone", "时区"))

OFFSET_MS_MAX = 1_000
"""Link 15 of the chain: a second (standards' note, section 4)."""

_UNITS_MS = {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1_000.0, "min": 60_000.0, "h": 3_600_000.0}
_TODO = Text(
    "Look: timedatectl timesync-status. The network must let UDP port 123 through",
    "请查看：timedatectl timesync-status。网络须放行 UDP 123 端口",
)


def checks(gate: Gate) -> Iterator[Finding]:
    """What the daemon believes of the clock, then what else is known of it."""
    table = ClockSettings() if gate.settings is None else gate.settings.clock
    error_ms = gate.machine.clock_error_ms(table)
    if error_ms is None:
        yield SET.failed(Text("the kernel does not call it set", "内核认为尚未校准"), _TODO)
    else:
        yield SET.passed(Text(f"set, at most {error_ms} ms wrong", f"已校准，误差不超过 {error_ms} 毫秒"))
    yield _offset(gate)
    yield _zone(gate, "" if gate.settings is None else gate.settings.selftest.time_zone)


def offset_ms_of(status: str) -> float | None:
    """The line ``Offset: +1.234ms`` of timedatectl timesync-status, in milliseconds; None where it has none."""
    found = re.search(r"^\s*Offset: ([+-]?)((?:[\d.]+\s?(?:us|µs|ms|s|min|h)\s*)+)$", status, re.MULTILINE)
    if found is None:
        return None
    parts = re.findall(r"([\d.]+)\s?(us|µs|ms|min|s|h)", found[2])
    total = sum(float(number) * _UNITS_MS[unit] for number, unit in parts)
    return -total if found[1] == "-" else total


def _offset(gate: Gate) -> Finding:
    shown = gate.machine.run("timedatectl", "timesync-status")
    offset_ms = None if shown is None or shown.code else offset_ms_of(shown.text)
    if offset_ms is None:
        return OFFSET.not_here(Text("systemd-timesyncd does not tell it", "systemd-timesyncd 不提供"))
    said = Text(f"{offset_ms:+.1f} ms at the last look", f"上次对时 {offset_ms:+.1f} 毫秒")
    return OFFSET.judged(abs(offset_ms) <= OFFSET_MS_MAX, said, _TODO)


def _zone(gate: Gate, wanted: str) -> Finding:
    """Quiet hours and weeks are counted in the settings' zone; journals are written in the machine's."""
    if not wanted:
        return ZONE.not_tested(NO_SETTINGS)
    zone = gate.machine.zone()
    if not zone:
        return ZONE.not_tested(Text("/etc/localtime does not tell it", "/etc/localtime 没有说明"))
    said = same(zone) if zone == wanted else Text(f"{zone}, the settings say {wanted}", f"{zone}，设置为 {wanted}")
    return ZONE.judged(zone == wanted, said, same(f"sudo timedatectl set-timezone {wanted}"))
