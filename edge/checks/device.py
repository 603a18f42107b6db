"""The Pi and what is wired to it: pins, I2C bus and sensor, camera, power, temperature."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from edge.checks.gate import NO_SETTINGS, SERVICE, SIMULATED, Gate, first_line, is_pi, number_in
from edge.findings import WITH_SUDO, Check, Finding
from edge.languages import Text, same
from edge.settings import Settings

CHIP = Check("gpio.access", Text("GPIO access", "GPIO 访问"))
FACTORY = Check("gpio.factory", Text("Pin factory", "引脚驱动"))
BUS = Check("i2c.bus", Text("I2C bus", "I2C 总线"))
SENSOR = Check("i2c.sensor", Text("Infrared sensor", "红外传感器"))
CAMERA = Check("camera.device", Text("Camera", "摄像头"))
EYES = Check("camera.process", Text("Camera process", "摄像头程序"))
POWER = Check("pi.power", Text("Power supply", "供电"))
HEAT = Check("pi.temperature", Text("Temperature of the Pi", "树莓派温度"))

HEAT_CELSIUS_MAX = 80
"""Where the firmware begins to slow a Pi down."""

UNDER_VOLTAGE_NOW, UNDER_VOLTAGE_SINCE = 1 << 0, 1 << 16
SLOWED_NOW, SLOWED_SINCE = 0b1110, 0b1110 << 16
"""Bits of get_throttled (Raspberry Pi documentation, vcgencmd): bit 0 under-voltage, 1 to 3 slowed down or hot; the
same 16 higher: since the start."""

OPEN_PINS = "from edge.drivers.pins import open_factory; open_factory('lgpio').close()"
"""Run by another Python: it looks with the daemon's own hand, and takes no line."""

_MEND_PINS = (
    (
        "No module named",
        Text(
            "Run scripts/install again: it brings lgpio, from Raspberry Pi OS; on Debian, which has none, a wheel",
            "请再运行 scripts/install：它会装上 lgpio（Raspberry Pi OS 自带软件包；Debian 没有，用 wheel）",
        ),
    ),
    (
        "PinUnknownPi",
        Text(
            'No Raspberry Pi, or a kernel that does not say which: a gate needs one; on a bench: pins.factory = "mock"',
            '本机不是树莓派，或内核未说明型号：校门需用树莓派；试验台用 pins.factory = "mock"',
        ),
    ),
)  # fmt: skip
"""What to do, by a word of the library's reason."""

_MEND_OTHER_PINS = Text(
    "See GPIO access; if that is well: sudo systemctl restart gatepost, then scripts/install again",
    "请看“GPIO 访问”一项；若正常：sudo systemctl restart gatepost，再运行 scripts/install",
)
_NOT_A_PI = Text("this is no Raspberry Pi", "本机不是树莓派")
_ONLY_REAL = Text('On a gate: pins.factory = "lgpio"', '在校门上应为：pins.factory = "lgpio"')


def checks(gate: Gate) -> Iterator[Finding]:
    """Pins first: the button hangs on them."""
    yield _chip(gate)
    yield _factory(gate)
    settings = gate.settings
    if settings is not None and settings.thermometer is not None:
        yield _bus(gate, settings)
        yield _sensor(gate, settings)
    if settings is not None and settings.camera is not None:
        yield _camera(gate, settings.camera.source, settings.camera.device)
        yield _camera_process(gate)
    yield _power(gate)
    yield _heat(gate)


def _chip(gate: Gate) -> Finding:
    if gate.settings is None:
        return CHIP.not_tested(NO_SETTINGS)
    if gate.simulated:
        return CHIP.not_tested(SIMULATED, _ONLY_REAL)
    chips = gate.machine.names("/dev/gpiochip*")
    if not chips:
        return CHIP.failed(
            Text("there is no /dev/gpiochip*", "没有 /dev/gpiochip*"),
            Text("The kernel found no pins: update the system", "内核未找到引脚：请更新系统"),
        )
    return _access(gate, CHIP, chips[0], "gpio")


def _access(gate: Gate, check: Check, device: str, group: str) -> Finding:
    """Whether the daemon's account may use a device; where there is no such account, whether this user may."""
    machine = gate.machine
    todo = Text(f"sudo usermod -aG {group} {SERVICE}; sudo systemctl restart {SERVICE}",
                f"sudo usermod -aG {group} {SERVICE}; sudo systemctl restart {SERVICE}")  # fmt: skip
    groups = _groups(gate)
    if groups is None:
        who = machine.user()
        return check.judged(
            machine.may(device, write=True),
            Text(f"{device} for {who}; there is no account {SERVICE}", f"{device}，用户 {who}；没有账户 {SERVICE}"),
            todo,
        )  # fmt: skip
    try:
        rights = machine.file(device)
    except PermissionError:
        return check.hidden(device)
    except OSError as error:
        return check.failed(same(f"{device}: {error.strerror}"), todo)
    by_group = rights.mode & 0o060 == 0o060 and rights.group in groups
    allowed = by_group or rights.mode & 0o006 == 0o006 or rights.owner == SERVICE
    return check.judged(
        allowed,
        Text(f"{device} belongs to the group {rights.group}; {SERVICE} is in {', '.join(sorted(groups))}",
             f"{device} 属于组 {rights.group}；{SERVICE} 所在的组：{', '.join(sorted(groups))}"),
        todo,
    )  # fmt: skip


def _groups(gate: Gate) -> frozenset[str] | None:
    """Those of the daemon's account, and those that its unit adds; None where there is no such account."""
    groups = gate.machine.groups(SERVICE)
    shown = gate.machine.run("systemctl", "show", SERVICE, "--property=SupplementaryGroups")
    added = "" if shown is None or shown.code else shown.text.partition("=")[2]
    return None if groups is None else groups | frozenset(added.split())


def _factory(gate: Gate) -> Finding:
    if gate.settings is None:
        return FACTORY.not_tested(NO_SETTINGS)
    if gate.simulated:
        return FACTORY.not_tested(SIMULATED, _ONLY_REAL)
    if gate.view.get("armed"):
        return FACTORY.passed(Text("lgpio: the daemon holds the pins", "lgpio：主程序已占用引脚"))
    tried = gate.machine.run(sys.executable, "-c", OPEN_PINS)
    if tried is None:
        return FACTORY.not_tested(Text("opening the pins did not end", "打开引脚没有结束"))
    if tried.code == 0:
        return FACTORY.passed(Text("lgpio opens the pins", "lgpio 能打开引脚"))
    last = tried.complaint.strip().rpartition("\n")[2]
    if "ermission" in tried.complaint and gate.machine.user() != "root":
        return FACTORY.not_tested(same(last), WITH_SUDO)
    return FACTORY.failed(same(last), next((todo for sign, todo in _MEND_PINS if sign in last), _MEND_OTHER_PINS))


def _bus(gate: Gate, settings: Settings) -> Finding:
    if gate.simulated:
        return BUS.not_tested(SIMULATED, _ONLY_REAL)
    assert settings.thermometer is not None
    device = f"/dev/i2c-{settings.thermometer.i2c_bus}"
    if device not in gate.machine.names("/dev/i2c-*"):
        return BUS.failed(
            Text(f"{device} is not there", f"没有 {device}"),
            Text("Switch I2C on: sudo raspi-config, Interface Options; or correct thermometer.i2c_bus",
                 "请打开 I2C：sudo raspi-config → Interface Options；或改正 thermometer.i2c_bus"),
        )  # fmt: skip
    return _access(gate, BUS, device, "i2c")


def _sensor(gate: Gate, settings: Settings) -> Finding:
    if gate.simulated:
        return SENSOR.not_tested(SIMULATED, _ONLY_REAL)
    table = settings.thermometer
    assert table is not None
    where = f"0x{table.i2c_address:02X}"
    todo = Text(
        "Push plug and wires home (SDA is pin 3, SCL is pin 5), check thermometer.i2c_address; gatepost sensor watch",
        "请插紧插头和接线（SDA 为 3 脚，SCL 为 5 脚），核对 thermometer.i2c_address；gatepost sensor watch",
    )
    told = (gate.view.get("kiosk") or {}).get("sensor") or {}
    if told.get("ambient_celsius") is not None:
        share = told.get("error_share")
        said = Text(f"at {where}: the daemon reads it, error share {share}", f"{where}：主程序在读取，错误率 {share}")
        return SENSOR.judged(not told.get("fault"), said, todo)
    device = f"/dev/i2c-{table.i2c_bus}"
    if gate.machine.names(device) and not gate.machine.may(device, write=True):
        return SENSOR.hidden(device)
    reason = gate.machine.sense(table)
    if reason:
        return SENSOR.failed(Text(f"at {where}: {reason}", f"{where}：{reason}"), todo)
    return SENSOR.passed(Text(f"at {where}: one good reading", f"{where}：读数正常"))


def _camera(gate: Gate, source: str, device: str) -> Finding:
    todo = Text(
        "Push the camera's plug home, and look: rpicam-hello --list-cameras",
        "请插紧摄像头，并查看：rpicam-hello --list-cameras",
    )
    if source == "opencv" and not device.isdigit():
        try:
            gate.machine.file(device)
        except PermissionError:
            return CAMERA.hidden(device)
        except OSError as error:
            return CAMERA.failed(
                same(f"{device}: {error.strerror}"), Text("Correct camera.device", "请改正 camera.device")
            )
        return CAMERA.passed(same(device))
    wanted = f"/dev/video{int(device)}" if source == "opencv" else "/dev/video*"
    found = gate.machine.names(wanted)
    return CAMERA.judged(bool(found), Text(f"{wanted}: {len(found)} found", f"{wanted}：找到 {len(found)} 个"), todo)


def _camera_process(gate: Gate) -> Finding:
    if gate.asked.view is None:
        return EYES.not_tested(Text("the daemon does not answer", "主程序无应答"))
    detector = ((gate.view.get("kiosk") or {}).get("sensor") or {}).get("detector")
    if gate.stands("camera_lost"):
        return EYES.failed(
            Text("the daemon hears nothing of it", "主程序收不到它的消息"),
            same("sudo systemctl restart gatepost-camera; journalctl -u gatepost-camera -n 50"),
        )
    if detector is None:
        return EYES.not_tested(Text("the daemon does not say yet", "主程序尚未说明"))
    return EYES.passed(Text(f"faces by {detector}", f"人脸检测：{detector}"))


def _power(gate: Gate) -> Finding:
    if not is_pi(gate.machine):
        return POWER.not_here(_NOT_A_PI)
    flags = _throttled(gate)
    todo = Text(
        "Use the Pi's own power supply and a short, thick cable; unplug what takes much current",
        "请用树莓派原装电源和短粗的线；拔掉耗电大的设备",
    )
    if flags is None:
        alarm = next(iter(gate.machine.names("/sys/class/hwmon/*/in0_lcrit_alarm")), "")
        low = number_in(gate.machine, alarm) if alarm else None
        if low is None:
            return POWER.not_tested(Text("the firmware does not tell it to this user", "固件不告诉此用户"), WITH_SUDO)
        said = Text("the voltage is too low", "电压过低") if low else Text("no warning now", "目前无警告")
        return POWER.judged(not low, said, todo)
    if flags & (UNDER_VOLTAGE_NOW | UNDER_VOLTAGE_SINCE):
        now = bool(flags & UNDER_VOLTAGE_NOW)
        since = Text("the voltage was too low since the start", "开机以来曾经电压过低")
        return POWER.failed(Text("the voltage is too low now", "目前电压过低") if now else since, todo)
    if flags & (SLOWED_NOW | SLOWED_SINCE):
        return POWER.failed(
            Text(f"the Pi was slowed down (0x{flags:x})", f"树莓派曾被降速（0x{flags:x}）"),
            Text("Give it air: it was too hot", "请改善散热：曾经过热"),
        )
    return POWER.passed(Text("no warning since the start", "开机以来无警告"))


def _throttled(gate: Gate) -> int | None:
    """The firmware's flags, from the kernel where it shows them, else from vcgencmd."""
    flags = number_in(gate.machine, "/sys/devices/platform/soc/soc:firmware/get_throttled", 16)
    if flags is not None:
        return flags
    said = gate.machine.run("vcgencmd", "get_throttled")
    try:
        return None if said is None or said.code else int(said.text.strip().partition("=")[2], 16)
    except ValueError:
        return None


def _heat(gate: Gate) -> Finding:
    text = first_line(gate.machine, "/sys/class/thermal/thermal_zone0/temp")
    if not text.lstrip("-").isdigit():
        return HEAT.not_here(Text("this machine does not tell it", "本机不提供"))
    celsius = int(text) / 1000
    return HEAT.judged(
        celsius < HEAT_CELSIUS_MAX,
        Text(
            f"{celsius:.0f} degrees Celsius, {HEAT_CELSIUS_MAX} allowed", f"{celsius:.0f} °C，上限 {HEAT_CELSIUS_MAX}"
        ),
        Text("Give it air: shade, a heat sink, a fan", "请改善散热：遮阳、散热片、风扇"),
    )
