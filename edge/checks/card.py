"""The card: space, errors and wear of the file system that holds the event log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from edge.checks.gate import NO_SETTINGS, SERVICE, Gate, first_line, number_in
from edge.findings import WITH_SUDO, Check, Finding
from edge.languages import Text, same
from edge.settings import Settings

SPACE = Check("card.space", Text("Space on the card", "存储卡空间"))
WRITABLE = Check("card.writable", Text("Card writable", "存储卡可写"))
KEPT = Check("card.kept", Text("Events outlive a power cut", "断电后事件仍在"))
ERRORS = Check("card.errors", Text("Errors of the file system", "文件系统错误"))
WEAR = Check("card.wear", Text("Wear of the card", "存储卡磨损"))

USED_SHARE_MAX = 0.9
"""Requirement R12 of the standards' note: more is a fault."""

FREE_BYTES_MIN = 100_000_000

MEMORY_KINDS = ("overlay", "tmpfs", "ramfs", "aufs")
"""What is written there is gone with the power."""

WORN_STEPS_MAX = 8
"""Of JEDEC's ten for eMMC (JESD84-B51, DEVICE_LIFE_TIME_EST): 9 is 80 to 90 % of its life."""

_SHARE = {step: f"{step * 10 - 10}-{step * 10}" for step in range(1, 11)}
_REPLACE = Text("Replace the card soon: it may turn read-only any day", "请尽快更换存储卡：随时可能变为只读")


def checks(gate: Gate) -> Iterator[Finding]:
    """The file system that holds the event log."""
    if gate.settings is None:
        for check in (SPACE, WRITABLE, KEPT, ERRORS, WEAR):
            yield check.not_tested(NO_SETTINGS)
        return
    yield from _space(gate, gate.settings)
    device, kind = _mount_of(gate, gate.settings.gate.state_directory)
    yield _kept(gate.settings, kind)
    yield _errors(gate, device)
    yield _wear(gate, device)


def _space(gate: Gate, settings: Settings) -> Iterator[Finding]:
    directory = settings.gate.state_directory
    try:
        space = gate.machine.space(directory)
    except PermissionError:
        yield SPACE.hidden(directory)
        yield WRITABLE.hidden(directory)
        return
    except OSError as error:
        todo = same(f"sudo install -d -o {SERVICE} -g {SERVICE} {directory}")
        yield SPACE.failed(same(f"{directory}: {error.strerror}"), todo)
        yield WRITABLE.not_tested(same(f"{directory}: {error.strerror}"))
        return
    used = 1 - space.free_bytes / max(1, space.size_bytes)
    used_files = 1 - space.free_files / space.files if space.files else 0.0
    free_mb = space.free_bytes // 1_000_000
    yield SPACE.judged(
        max(used, used_files) <= USED_SHARE_MAX and space.free_bytes >= FREE_BYTES_MIN,
        Text(f"{used:.0%} used, {free_mb} MB free; {used_files:.0%} of the files' places used",
             f"已用 {used:.0%}，剩余 {free_mb} MB；文件数已用 {used_files:.0%}"),
        Text(f"See what takes the space: sudo du -xh -d 2 / | sort -h | tail; {directory} itself stays",
             f"查看占用：sudo du -xh -d 2 / | sort -h | tail；不要删除 {directory}"),
    )  # fmt: skip
    said = (
        Text("the file system is read-only", "文件系统只读") if space.read_only else Text("it takes writes", "可以写入")
    )
    yield WRITABLE.judged(not space.read_only, said, _REPLACE)


def _kept(settings: Settings, kind: str) -> Finding:
    """A read-only root (overlay) covers what is not a partition of its own: all is well until the plug is pulled."""
    directory = settings.gate.state_directory
    if not kind:
        return KEPT.not_tested(Text("the system does not tell its file systems", "系统不提供文件系统信息"))
    todo = Text(
        f"Give {directory} a partition of its own: docs/install.md, A card that is never written to",
        f"请给 {directory} 一个独立分区，见 docs/install.zh.md 的“只读系统”",
    )
    return KEPT.judged(kind not in MEMORY_KINDS, same(f"{directory}: {kind}"), todo)


def _mount_of(gate: Gate, directory: str) -> tuple[str, str]:
    """The block device that holds a directory, as ``mmcblk0p2``, and its file system's kind; empty if unknown."""
    try:
        lines = gate.machine.text("/proc/self/mounts").splitlines()
    except OSError:
        return "", ""
    best, device, kind = "", "", ""
    for words in (line.split() for line in lines):
        if len(words) < 2:
            continue
        point = words[1].replace("\\040", " ")
        holds = directory == point or directory.startswith(point.rstrip("/") + "/")
        if holds and len(point) >= len(best):
            best, device, kind = point, words[0], words[2] if len(words) > 2 else ""
    return device.removeprefix("/dev/") if device.startswith("/dev/") else "", kind


def _errors(gate: Gate, device: str) -> Finding:
    count = number_in(gate.machine, f"/sys/fs/ext4/{device}/errors_count") if device else None
    if count is None:
        return ERRORS.not_here(Text("this file system does not count them", "此文件系统不计数"))
    said = Text(f"{count} counted on {device}", f"{device} 上记录了 {count} 个")
    return ERRORS.judged(
        count == 0, said, Text(f"Look: sudo dmesg. {_REPLACE.en}", f"请查看：sudo dmesg。{_REPLACE.zh}")
    )


def _wear(gate: Gate, device: str) -> Finding:
    disk = re.sub(r"(?<=\d)p\d+$", "", device) if device.startswith(("mmcblk", "nvme")) else re.sub(r"\d+$", "", device)
    if disk.startswith("mmcblk"):
        return _memory_card(gate, disk)
    if not disk:
        return WEAR.not_here(Text("the device is not known", "设备未知"))
    return _disk(gate, disk)


def _memory_card(gate: Gate, disk: str) -> Finding:
    words = first_line(gate.machine, f"/sys/block/{disk}/device/life_time").split()
    try:
        steps = max(int(word, 16) for word in words)
    except ValueError:
        steps = 0
    if not steps:
        return WEAR.not_here(Text("SD cards do not tell it; eMMC does", "SD 卡不提供；eMMC 提供"))
    dying = number_in(gate.machine, f"/sys/block/{disk}/device/pre_eol_info", 16) in (2, 3)
    share = _SHARE.get(steps, ">100")
    return WEAR.judged(
        steps <= WORN_STEPS_MAX and not dying,
        Text(f"{share} % of its life is used", f"寿命已用 {share} %"),
        _REPLACE,
    )


def _disk(gate: Gate, disk: str) -> Finding:
    shown = gate.machine.run("smartctl", "--json", "--health", "--attributes", f"/dev/{disk}")
    if shown is None:
        return WEAR.not_here(Text("smartctl is not installed (smartmontools)", "未安装 smartctl（smartmontools）"))
    try:
        told = msgspec.json.decode(shown.text, type=_Smart)
    except msgspec.DecodeError:
        told = _Smart()
    if told.smart_status is None:
        if gate.machine.user() != "root":
            return WEAR.not_tested(Text(f"only root may ask /dev/{disk}", f"只有 root 可以询问 /dev/{disk}"), WITH_SUDO)
        return WEAR.not_here(Text(f"/dev/{disk} does not tell it", f"/dev/{disk} 不提供"))
    used = (
        None
        if told.nvme_smart_health_information_log is None
        else told.nvme_smart_health_information_log.percentage_used
    )
    worn = "" if used is None else f", {used} %"
    said = Text(f"/dev/{disk} says it is {'well' if told.smart_status.passed else 'FAILING'}{worn}",
                f"/dev/{disk} 自述{'正常' if told.smart_status.passed else '将要失效'}{worn}")  # fmt: skip
    return WEAR.judged(told.smart_status.passed and (used or 0) < WORN_STEPS_MAX * 10, said, _REPLACE)


class _Passed(msgspec.Struct):
    passed: bool


class _Nvme(msgspec.Struct):
    percentage_used: int


class _Smart(msgspec.Struct):
    """What smartctl --json says, as far as it is read."""

    smart_status: _Passed | None = None
    nvme_smart_health_information_log: _Nvme | None = None
