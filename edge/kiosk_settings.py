"""The settings of the temperature kiosk: sensor, judgement, camera, screen and privacy. Units are in the names.

The starting thresholds are those of section 4.4 of the thermometry note: to be re-learnt at each gate.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from edge.setting_types import FilePath, Gpio, Host, Table

Part = Literal["BAA", "DAA", "BCC", "DCC", "BCF", "BCI", "DCI"]
Celsius = Annotated[float, Meta(ge=-40, le=60)]


class ThermometerSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The infrared thermometer and how its readings are judged. Without this table there is no kiosk."""

    part: Annotated[Part, Meta(description="the sensor's letters: MLX90614ESF-...")]
    i2c_bus: Annotated[int, Meta(ge=0, le=20)] = 1
    i2c_address: Annotated[int, Meta(ge=8, le=119)] = 90
    supply_volts: Annotated[float, Meta(ge=2.6, le=3.6)] = 3.3
    emissivity: Annotated[float, Meta(ge=0.9, le=1.0)] = 0.98
    offset_celsius: Annotated[float, Meta(ge=-2.0, le=2.0)] = 0.0
    reference: Literal["none", "room", "black_body"] = "none"
    reference_address: Annotated[int, Meta(ge=72, le=75)] = 72
    presence: Literal["thermopile", "camera", "both"] = "thermopile"
    again_above_celsius: Annotated[float, Meta(ge=0.1, le=3.0)] = 0.5
    high_above_celsius: Annotated[float, Meta(ge=0.2, le=4.0)] = 0.8
    guard_celsius: Annotated[float, Meta(ge=37.0, le=40.0)] = 38.0
    estimate: Literal["constant_offset", "matched_spread"] = "constant_offset"
    crowd_students: Annotated[int, Meta(ge=10, le=200)] = 50
    warm_up_students: Annotated[int, Meta(ge=5, le=100)] = 20
    crowd_kept_minutes: Annotated[int, Meta(ge=1, le=240)] = 45
    ambient_celsius_min: Celsius = 16.0
    ambient_celsius_max: Celsius = 40.0
    normal_gpio: Gpio | None = None
    again_gpio: Gpio | None = None
    high_gpio: Gpio | None = None
    buzzer_gpio: Gpio | None = None


class CameraSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The camera process ``gatepost-camera``. Frames stay in its memory."""

    source: Literal["picamera2", "opencv"] = "picamera2"
    device: FilePath = "0"
    model_file: FilePath | None = None
    model_sha256: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{64}\Z", extra={"allowed": "64 hexadecimal digits, as sha256sum prints them"})
    ] = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
    frames_a_second: Annotated[int, Meta(ge=2, le=30)] = 10
    view_angle_degrees: Annotated[int, Meta(ge=20, le=120)] = 62
    zone_near_cm: Annotated[int, Meta(ge=5, le=200)] = 35
    zone_far_cm: Annotated[int, Meta(ge=10, le=300)] = 55
    alarm_pictures: bool = False
    picture_before_s: Annotated[int, Meta(ge=1, le=10)] = 3
    picture_after_s: Annotated[int, Meta(ge=1, le=30)] = 5


class KioskSettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The screen ``gatepost-kiosk``: one page for students, one for the teacher on duty, on loopback."""

    language: Literal["zh", "en"] = "zh"
    police_telephone: Annotated[
        str, Meta(pattern=r"^[0-9 +()-]{3,20}\Z", extra={"allowed": "3 to 20 of digits, spaces and + ( ) -"})
    ]
    port: Annotated[int, Meta(ge=1024, le=65535)] = 8470
    teacher_host: Host | None = None
    teacher_token_file: FilePath | None = None
    voice: bool = True
    voice_directory: FilePath | None = None


class PrivacySettings(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of the temperatures leaves the gate, and how long it stays."""

    temperature: Literal["events", "hourly_counts"] = "events"
    temperature_kept_days: Annotated[int, Meta(ge=1, le=90)] = 14
