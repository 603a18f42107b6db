"""The 40-pin header of a Raspberry Pi and what the settings put on it. Pure.

The header is the same on every Pi with 40 pins (Raspberry Pi documentation, "GPIO and the 40-pin header").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from edge.languages import Text, same
from edge.settings import Settings
from edge.value import Value

GROUND, POWER_3V3, POWER_5V = "GND", "3V3", "5V"

PINS = (
    POWER_3V3, POWER_5V, 2, POWER_5V, 3, GROUND, 4, 14, GROUND, 15, 17, 18, 27, GROUND, 22, 23, POWER_3V3, 24, 10,
    GROUND, 9, 25, 11, 8, GROUND, 7, 0, 1, 5, GROUND, 6, 12, 13, GROUND, 19, 16, 26, 20, GROUND, 21,
)  # fmt: skip
"""What is on pin 1, 2 and so on: a supply, or the number of a GPIO. Odd pins are the row away from the board's edge."""

OTHER_USES = {
    0: "ID_SD", 1: "ID_SC", 2: "SDA", 3: "SCL", 7: "CE1", 8: "CE0", 9: "MISO", 10: "MOSI", 11: "SCLK", 14: "TXD",
    15: "RXD",
}  # fmt: skip
"""What a GPIO is used for where nobody asks for the plain one."""

BUS_GPIOS = {0: (0, 1), 1: (2, 3)}
"""Data and clock of the I2C buses that lie on the header where nothing else is configured."""

PULLED_UP_MAX = 8
"""GPIO0 to GPIO8 are pulled up while a Pi starts (BCM2711 peripherals, table of default pulls)."""

CONSOLE_GPIOS = (14, 15)
EEPROM_GPIOS = (0, 1)

USES: dict[str, Text] = {
    "button.key_gpio": Text("panic button", "报警按钮"),
    "button.normally_closed_gpio": Text("panic button n.c.", "报警按钮（常闭）"),
    "reset.key_gpio": Text("reset key", "复位钥匙"),
    "lamps.status_gpio": Text("status lamp", "状态灯"),
    "lamps.fault_gpio": Text("fault lamp", "故障灯"),
    "siren.relay_gpio": Text("siren relay", "警笛继电器"),
    "thermometer.normal_gpio": Text("students: normal", "学生灯：正常"),
    "thermometer.again_gpio": Text("students: again", "学生灯：重测"),
    "thermometer.high_gpio": Text("students: teacher", "学生灯：找老师"),
    "thermometer.buzzer_gpio": Text("students: buzzer", "学生蜂鸣器"),
    "selftest.loopback_gpio": Text("self-test relay", "自检继电器"),
    "selftest.siren_sense_gpio": Text("senses the siren", "警笛检测"),
    "selftest.lamp_sense_gpio": Text("senses the lamp", "指示灯检测"),
}
_INPUTS = ("button.key_gpio", "button.normally_closed_gpio", "reset.key_gpio")


class Use(Value, frozen=True):
    """One thing on one GPIO. ``key`` is its name in the settings, or ``thermometer.i2c_bus`` for a line of the bus."""

    gpio: int
    key: str
    title: Text
    output: bool

    @property
    def pin(self) -> int:
        """Its place on the header, 1 to 40."""
        return PINS.index(self.gpio) + 1


class Remark(Value, frozen=True):
    """What a technician should know of one use. ``wrong``: it cannot work so."""

    use: Use
    wrong: bool
    said: Text


def uses_of(settings: Settings) -> list[Use]:
    """What the settings put on the header, by pin."""
    found = [
        Use(gpio, key, USES.get(key, same(key)), output=not (key in _INPUTS or key.endswith("_sense_gpio")))
        for key, gpio in _gpios(msgspec.to_builtins(settings))
    ]
    if settings.thermometer is not None:
        lines = BUS_GPIOS.get(settings.thermometer.i2c_bus, ())
        for gpio, name in zip(lines, ("SDA", "SCL"), strict=False):
            title = Text(f"infrared sensor {name}", f"红外传感器 {name}")
            found.append(Use(gpio, "thermometer.i2c_bus", title, output=False))
    return sorted(found, key=lambda use: use.pin)


def remarks_on(uses: list[Use], *, serial_console: bool) -> list[Remark]:
    """What does not go together, and what to know. ``serial_console``: the kernel talks on GPIO14 and GPIO15."""
    remarks: list[Remark] = []
    for use in uses:
        others = [one for one in uses if one.gpio == use.gpio and one is not use]
        if use.key != "thermometer.i2c_bus" and others:
            remarks.append(Remark(use, True, Text(
                f"GPIO{use.gpio} is a line of the infrared sensor's bus: give {use.key} another",
                f"GPIO{use.gpio} 是红外传感器总线的线路：请为 {use.key} 换一个",
            )))  # fmt: skip
        if use.gpio in CONSOLE_GPIOS and serial_console:
            remarks.append(Remark(use, True, Text(
                f"GPIO{use.gpio} is the serial console: switch it off (raspi-config, Interface Options, Serial Port)",
                f"GPIO{use.gpio} 是串口控制台：请关闭（raspi-config → Interface Options → Serial Port）",
            )))  # fmt: skip
        if use.output and use.gpio <= PULLED_UP_MAX:
            remarks.append(Remark(use, False, Text(
                f"GPIO{use.gpio} is pulled up while the Pi starts: what hangs on it may switch on for a moment",
                f"GPIO{use.gpio} 在树莓派启动时被上拉：所接设备可能短暂接通",
            )))  # fmt: skip
        if use.gpio in EEPROM_GPIOS:
            remarks.append(Remark(use, False, Text(
                f"GPIO{use.gpio} is read by the firmware to find a HAT: use it only where none is fitted",
                f"固件通过 GPIO{use.gpio} 查找扩展板：仅在没有扩展板时使用",
            )))  # fmt: skip
    return remarks


def ground_near(pin: int) -> int:
    """The ground pin that is the fewest rows away; of two, the lower."""
    grounds = [number for number, name in enumerate(PINS, 1) if name == GROUND]
    return min(grounds, key=lambda ground: (abs((ground - 1) // 2 - (pin - 1) // 2), ground))


def name_of(pin: int) -> str:
    """What is printed beside a pin: ``3V3``, ``GND``, ``GPIO17``, ``GPIO2 SDA``."""
    on = PINS[pin - 1]
    return on if isinstance(on, str) else " ".join(filter(None, (f"GPIO{on}", OTHER_USES.get(on, ""))))


def _gpios(tables: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every key of the settings that names a GPIO, whichever table it is in."""
    for table, keys in tables.items():
        if isinstance(keys, dict):
            for key, value in keys.items():
                if key.endswith("_gpio") and value is not None:
                    yield f"{table}.{key}", value
