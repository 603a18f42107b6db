"""From the settings to the rules of the temperature kiosk."""

from __future__ import annotations

from edge import skin
from edge.crowd import CrowdRules
from edge.judging import JudgingRules
from edge.kiosk_settings import CameraSettings, PrivacySettings, ThermometerSettings
from edge.presence import Mode
from edge.thermometer import ThermometerRules

FIT = skin.FOREHEAD_CENTRE
"""One sensor sees one spot, about the middle of the forehead."""


def rules_of(
    thermometer: ThermometerSettings, camera: CameraSettings | None, privacy: PrivacySettings
) -> ThermometerRules:
    """The rules of a gate with a ``[thermometer]``. Pass ``camera`` only where the kiosk is to look through one."""
    part = skin.PARTS[thermometer.part]
    return ThermometerRules(
        part=part,
        supply_volts=thermometer.supply_volts,
        emissivity=thermometer.emissivity,
        offset_celsius=thermometer.offset_celsius,
        mode=Mode(thermometer.presence),
        camera=camera is not None,
        room=thermometer.reference == "room",
        black_body=thermometer.reference == "black_body",
        hourly_counts=privacy.temperature == "hourly_counts",
        judging=JudgingRules(
            again_above_celsius=thermometer.again_above_celsius,
            high_above_celsius=thermometer.high_above_celsius,
            guard_celsius=thermometer.guard_celsius,
            ambient_celsius=(thermometer.ambient_celsius_min, thermometer.ambient_celsius_max),
            noise_celsius=part.noise_celsius,
            fit=FIT,
            slope=FIT.spread if thermometer.estimate == "matched_spread" else 1.0,
        ),
        crowd=CrowdRules(
            students=thermometer.crowd_students,
            warm_up=thermometer.warm_up_students,
            kept_ms=thermometer.crowd_kept_minutes * 60_000,
        ),
        mark=f"{thermometer.part} {thermometer.supply_volts:g} {thermometer.emissivity:g} {thermometer.reference}"
        f" {thermometer.offset_celsius:g}",
    )
