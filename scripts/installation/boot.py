"""The Pi's boot configuration: I2C, watchdog, battery clock, and the memory limits that Raspberry Pi OS leaves off."""

from __future__ import annotations

from pathlib import Path

from installation.machine import Machine, lay

BEGIN, END = "# gatepost: begin (scripts/install writes between these lines)", "# gatepost: end"
KERNEL_WORDS = ("cgroup_enable=memory",)
"""Without it the kernel of Raspberry Pi OS counts no memory, and every MemoryMax= in the units is empty words."""


def is_pi(machine: Machine) -> bool:
    """This is a Raspberry Pi."""
    try:
        return "Raspberry Pi" in (machine.root / "proc/device-tree/model").read_text(errors="replace")
    except OSError:
        return False


def lines_for(*, i2c: bool, battery_clock: str | None) -> list[str]:
    """What config.txt must say."""
    lines = ["dtparam=watchdog=on"]
    if i2c:
        lines.append("dtparam=i2c_arm=on")
    if battery_clock is not None:
        lines.append(f"dtoverlay=i2c-rtc,{battery_clock}")
    return lines


def configure(machine: Machine, lines: list[str]) -> list[str]:
    """Write the lines into config.txt and the words into cmdline.txt; the files that changed. What else is in them
    stays, and is kept once as ``*.before-gatepost``."""
    directory = _directory(machine)
    if directory is None:
        return []
    changed = []
    for name, make in (("config.txt", lambda text: with_lines(text, lines)), ("cmdline.txt", with_words)):
        file = directory / name
        if not file.exists():
            continue
        text = file.read_text(encoding="utf-8")
        fresh = make(text)
        if fresh == text:
            continue
        before = file.with_name(f"{name}.before-gatepost")
        if not before.exists():
            before.write_text(text, encoding="utf-8")
        lay(machine, str(file.relative_to(machine.root)), fresh)
        changed.append(f"/{file.relative_to(machine.root)}")
    return changed


def with_lines(text: str, lines: list[str]) -> str:
    """config.txt with our part at its end, for every model of the Pi, instead of the one it had."""
    rest, inside = [], False
    for line in text.splitlines():
        if line == BEGIN:
            inside = True
        elif line == END:
            inside = False
        elif not inside:
            rest.append(line)
    while rest and not rest[-1]:
        rest.pop()
    return "\n".join([*rest, "", BEGIN, "[all]", *lines, END, ""])


def with_words(text: str) -> str:
    """cmdline.txt, which is one line, with our words in it."""
    words = text.split()
    missing = [word for word in KERNEL_WORDS if word not in words]
    return text if not missing else " ".join([*words, *missing]) + "\n"


def _directory(machine: Machine) -> Path | None:
    """Where the firmware reads them: since bookworm, and before."""
    for name in ("boot/firmware", "boot"):
        if (machine.root / name / "config.txt").exists():
            return machine.root / name
    return None
