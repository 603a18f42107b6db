"""One QEMU machine: started, told what to do through its second console, snapshot, power cut.

Always emulated in software: nested virtualisation is not to be had on many machines that build and test this, and
where it is it may not boot a stock kernel. An emulated second is an honest second: the guest's clocks are the host's.
"""

from __future__ import annotations

import base64
import re
import secrets
import select
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from virtual.monitor import HungUp, Monitor
from virtual.places import IMAGE, cache

BOOT_S_MAX = 180.0
STARTS_MAX = 4
COMMAND_S_MAX = 120.0
COMMAND_BYTES_MAX = 60_000
CLOCK_S_MAX = 0.2
CLOCK_TRIES = 8
READY = rb"VIRTUAL-GATE-READY\r?\n"

KERNEL_WORDS = (
    "root=/dev/vda rw quiet loglevel=3 console=ttyS0 mitigations=off nokaslr audit=0 apparmor=0 selinux=0"
    " no_timer_check nowatchdog random.trust_cpu=on net.ifnames=0 cryptomgr.notests i8042.noaux i8042.nokbd"
    " rcupdate.rcu_expedited=1 tsc=reliable clocksource=tsc systemd.show_status=no systemd.tpm2_wait=no"
    " oops=panic panic=-1"  # a kernel that goes on after a mistake of its own would be no witness
)
"""Mostly to leave out what takes an emulated processor long and shows nothing about a gate."""

PROCESSOR = "max,-la57,-smap,-smep,-umip,-pku"


class MachineError(Exception):
    """The machine did not start, did not answer, or a command in it failed; the text says which and why."""


class EmulatorStumbled(MachineError):
    """QEMU ran a byte of the guest's kernel that the kernel had just replaced, and the kernel gave up. Seen about once
    in ten starts with two processors, mostly within the first seconds; it says nothing about the guest."""


STUMBLED = "Oops: int3"
"""What such a kernel says on its first console."""

ENDED = "the machine ended"


class Machine:
    """A machine on a disk of its own over the built image. ``directory`` keeps its disk, sockets and logs.

    ``kernel_words`` are added to the kernel's command line; ``disks`` are raw images, or whole ``-blockdev`` nodes by
    name (``node:NAME``), which the guest sees as vdb, vdc ...; ``more`` are further words for QEMU. ``watchdog``
    says, at each start, whether its hardware watchdog may reset it. ``image`` is the built one, by its name.
    """

    def __init__(
        self,
        directory: Path,
        *,
        kernel_words: str = "",
        disks: Sequence[str] = (),
        more: Sequence[str] = (),
        memory_mb: int = 1024,
        reboots: bool = False,
        image: str = IMAGE,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.disk = directory / "root.qcow2"
        self.console_log = directory / "console.log"
        self.kernel_words = kernel_words
        self._disks = disks
        self._more = more
        self._memory_mb = memory_mb
        # A host that is busy elsewhere lets an emulated machine stand still for 15 s: its watchdog would end it.
        self.watchdog = reboots
        self._reboots = reboots
        self._image = image
        self._process: subprocess.Popen[bytes] | None = None
        self._shell: socket.socket | None = None
        self._heard = b""
        self.monitor: Monitor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_cut()

    # --- power ------------------------------------------------------------------------------------------------------

    def power_on(
        self,
        snapshot: str | None = None,
        *,
        cable: bool = True,
        started: Callable[[], object] = lambda: None,
    ) -> None:
        """Start it on its disk, made anew over the image where there is none; or go on from a snapshot in the disk.

        ``cable`` tells whether the network cable is in. Returns when it answers and ``started``, which waits for what
        is to come up in it, has returned: a start in which the emulator stumbles before that is begun again, and told.
        Raises MachineError.
        """
        for start in range(1, STARTS_MAX + 1):
            try:
                self.switch_on(snapshot)
                self.cable(plugged_in=cable)
                if snapshot is None:
                    self.until(READY, BOOT_S_MAX)
                self._set_clock()
                started()
                return
            except EmulatorStumbled:
                self.power_cut()
                if start == STARTS_MAX:
                    raise
                print(f"the emulator stumbled in start {start}; begun again", flush=True)

    def switch_on(self, snapshot: str | None = None) -> None:
        """Start it and return at once."""
        assert self._process is None, "it is on"
        if not self.disk.exists():
            image = cache() / self._image
            command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image), str(self.disk)]
            subprocess.run(command, check=True)
        for name in ("shell", "monitor", "console"):
            (self.directory / name).unlink(missing_ok=True)
        with (self.directory / "qemu.log").open("wb") as log:
            words = [*self._command(), *(["-loadvm", snapshot] if snapshot else [])]
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._heard = b""
        self._shell = self._connect("shell")
        self.monitor = Monitor(self._connect("monitor"))

    def power_cut(self) -> None:
        """The plug is pulled: what the guest had not written is gone. Harmless when it is off."""
        if self._process is not None:
            self._process.kill()
        self._off()

    def wait_off(self, seconds: float) -> float:
        """Wait until it has switched itself off (shut down, or reset where it may not reboot); the seconds it took."""
        assert self._process is not None
        began_s = time.monotonic()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise MachineError(f"still on after {seconds:g} s\n{self.console()}") from None
        self._off()
        return time.monotonic() - began_s

    def attach(self) -> None:
        """Use the shell of a machine that another process started in this directory."""
        self._heard = b""
        self._shell = socket.socket(socket.AF_UNIX)
        self._shell.connect(str(self.directory / "shell"))

    def detach(self) -> None:
        """Leave it to the other process again."""
        if self._shell is not None:
            self._shell.close()
        self._shell = None

    @property
    def on(self) -> bool:
        """True while it runs."""
        return self._process is not None and self._process.poll() is None

    def save(self, name: str) -> None:
        """Keep memory, devices and disk as a snapshot in the disk. Not possible with further raw disks."""
        assert self.monitor is not None
        self.monitor.human(f"savevm {name}")

    # --- what is plugged in -----------------------------------------------------------------------------------------

    def cable(self, *, plugged_in: bool) -> None:
        """Pull the network cable out, or put it back."""
        assert self.monitor is not None
        try:
            self.monitor.do("set_link", name="card", up=plugged_in)
        except HungUp:
            raise self._failed(ENDED) from None

    def screenshot(self, file: Path) -> None:
        """What its screen shows, as a PPM file. Raises MonitorError, so where ``more`` gives it no screen."""
        assert self.monitor is not None
        self.monitor.do("screendump", filename=str(file))

    # --- the shell --------------------------------------------------------------------------------------------------

    def run(self, command: str, seconds: float = COMMAND_S_MAX) -> str:
        """What a command of the guest's shell prints (both outputs). Raises MachineError where it fails."""
        code, said = self.attempt(command, seconds)
        if code:
            raise MachineError(f"{command[:300]!r}: exit code {code}: {said[-3000:]}")
        return said

    def attempt(self, command: str, seconds: float = COMMAND_S_MAX) -> tuple[int, str]:
        """As ``run``, but gives the exit code as well, whatever it is."""
        assert self._shell is not None, "it is off"
        packed = base64.b64encode(command.encode()).decode()
        assert len(packed) < COMMAND_BYTES_MAX, "put long things into a file first"
        token = secrets.token_hex(6)
        line = f'bash -c "$(echo {packed}|base64 -d)" </dev/null 2>&1|base64 -w0;echo " {token} ${{PIPESTATUS[0]}}"\n'
        self._send(line)
        found = self.until(rb"([A-Za-z0-9+/=]*) " + token.encode() + rb" (\d+)\r?\n", seconds)
        return int(found.group(2)), base64.b64decode(found.group(1)).decode(errors="replace")

    def type(self, command: str) -> None:
        """Have the shell run a command in the background, and wait for nothing: its end may be the machine's."""
        assert self._shell is not None, "it is off"
        self._send(f"({command}) </dev/null >/dev/null 2>&1 &\n")

    def put(self, path: str, content: str | bytes, mode: str = "644", owner: str = "root:root") -> None:
        """Write a file of the guest."""
        data = content.encode() if isinstance(content, str) else content
        packed = base64.b64encode(data).decode()
        self.run(f": >{path}")
        for begin in range(0, len(packed), COMMAND_BYTES_MAX // 2):
            self.run(f"echo {packed[begin : begin + COMMAND_BYTES_MAX // 2]}|base64 -d >>{path}")
        self.run(f"chmod {mode} {path} && chown {owner} {path}")

    def until(self, pattern: bytes, seconds: float) -> re.Match[bytes]:
        """Read the shell's console until this comes. Raises MachineError."""
        end_s = time.monotonic() + seconds
        while (found := re.search(pattern, self._heard, re.DOTALL)) is None:
            assert self._shell is not None
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise self._failed(f"no answer in {seconds:g} s; heard {self._heard[-300:]!r}")
            if select.select([self._shell], [], [], left_s)[0]:
                try:
                    more = self._shell.recv(1 << 16)
                except OSError:
                    more = b""
                if not more:
                    raise self._failed(ENDED)
                self._heard += more
        self._heard = self._heard[found.end() :]
        return found

    def console(self) -> str:
        """The end of what its first console and QEMU itself said."""
        files = (self.console_log, self.directory / "qemu.log")
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files if file.exists())

    def _set_clock(self) -> None:
        """The host's time, as near as CLOCK_S_MAX: a machine that is busy elsewhere takes seconds to hear it. Else as
        near as it could be had."""
        lead_s = 0.0
        for _ in range(CLOCK_TRIES):
            self.run(f"date -s @{time.time() + lead_s:.3f}")
            asked_s = time.time()
            told_s = float(self.run("date +%s.%N"))
            late_s = (asked_s + time.time()) / 2 - told_s
            if abs(late_s) <= CLOCK_S_MAX:
                return
            lead_s += late_s
        print(f"the machine's clock is {late_s:+.1f} s late, and could not be set nearer", flush=True)

    def _send(self, line: str) -> None:
        assert self._shell is not None, "it is off"
        try:
            self._shell.sendall(line.encode())
        except OSError:
            raise self._failed(ENDED) from None

    def _failed(self, why: str) -> MachineError:
        """An error with all that is known of it."""
        said = self.console_log.read_text(errors="replace") if self.console_log.exists() else ""
        kind = EmulatorStumbled if STUMBLED in said else MachineError
        return kind(f"{why}\n{self.console()}")

    # --- parts ------------------------------------------------------------------------------------------------------

    def _command(self) -> list[str]:
        here, kernel = self.directory, cache() / "kernel"
        words = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35",
            "-accel", "tcg,thread=multi", "-cpu", PROCESSOR, "-smp", "2", "-m", str(self._memory_mb),
            "-rtc", "base=utc", "-kernel", str(kernel / "vmlinuz"), "-initrd", str(kernel / "initrd"),
            "-append", f"{KERNEL_WORDS} {self.kernel_words}",
            "-drive", f"file={self.disk},if=none,id=root,format=qcow2,cache=unsafe",
            "-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=shell,path={here}/shell,server=on,wait=off", "-device", "virtconsole,chardev=shell",
            "-chardev", f"socket,id=console,path={here}/console,server=on,wait=off,logfile={self.console_log}",
            "-serial", "chardev:console", "-qmp", f"unix:{here}/monitor,server=on,wait=off",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,id=card",
            "-device", "i6300esb", "-action", f"watchdog={'reset' if self.watchdog else 'none'}",
            *([] if self._reboots else ["-no-reboot"]), *self._more,
        ]  # fmt: skip
        for number, disk in enumerate(self._disks):
            node = disk.removeprefix("node:")
            if node == disk:
                words += ["-drive", f"file={disk},if=none,id=disk{number},format=raw,cache=writethrough"]
                node = f"disk{number}"
            words += ["-device", f"virtio-blk-pci,drive={node}"]
        return words

    def _connect(self, name: str) -> socket.socket:
        end_s = time.monotonic() + 20
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self.directory / name))
                return connection
            except OSError:
                connection.close()
            if not self.on or time.monotonic() > end_s:
                raise MachineError(f"QEMU did not start\n{self.console()}")
            time.sleep(0.05)

    def _off(self) -> None:
        if self._process is not None:
            self._process.wait()
        for thing in (self._shell, self.monitor):
            if thing is not None:
                thing.close()
        self._process = self._shell = self.monitor = None
