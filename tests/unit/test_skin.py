"""What the sensor's number says of a skin, and what people are shown of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import skin
from edge.sim.students import mixed

FITS = (skin.FOREHEAD_CENTRE, skin.FOREHEAD_MAXIMUM)
SKINS = st.floats(32, 39)
ROOMS = st.floats(-10, 50)


@pytest.mark.parametrize(("room", "skin_celsius"), [(25, 33.992), (5, 34.329), (0, 34.403)])
def test_a_sensor_that_seems_right_in_the_office_reads_low_in_winter(room: float, skin_celsius: float) -> None:
    """Figures of the thermometry note, requirement 5: object 34.00, 3.3 V, emissivity 0.98."""
    assert skin.corrected(34.0, room, 3.3, 0.98) == pytest.approx(skin_celsius, abs=0.005)


@given(SKINS, ROOMS, st.floats(2.6, 3.6), st.floats(0.9, 1.0))
def test_the_correction_undoes_what_supply_and_surroundings_do(
    celsius: float, room: float, volts: float, emissivity: float
) -> None:
    seen = mixed(celsius, room, 1 - emissivity) + skin.CELSIUS_PER_VOLT * (volts - skin.SUPPLY_VOLTS)
    assert skin.corrected(seen, room, volts, emissivity) == pytest.approx(celsius, abs=1e-6)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("matched", [False, True])
@given(celsius=SKINS, room=ROOMS, follow=st.floats(-1, 1))
def test_the_estimate_has_no_place_to_which_it_pulls(
    fit: skin.Fit, matched: bool, celsius: float, room: float, follow: float
) -> None:
    """Requirement 11: between 0.8 and 1.1 degrees more for each degree of skin, from 32 to 39."""
    slope = fit.spread if matched else 1.0
    low, high = (
        skin.estimate(fit, slope, skin.residual(fit, celsius + step, room), follow) for step in (-0.05, 0.05)
    )  # fmt: skip
    assert 0.8 - 1e-6 <= (high - low) / 0.1 <= 1.1


def test_the_room_is_taken_into_account_only_as_far_as_the_data_goes() -> None:
    fit = skin.FOREHEAD_CENTRE
    assert skin.residual(fit, 34.0, 25.0) == pytest.approx(34.0 - 2 * fit.skin_per_ambient)
    assert skin.residual(fit, 34.0, 38.0) == skin.residual(fit, 34.0, 29.0)
    assert skin.residual(fit, 34.0, 5.0) == skin.residual(fit, 34.0, 20.0)


def test_every_part_that_may_be_set_is_known() -> None:
    assert {name: (part.settle_ms, part.noise_celsius, part.angle_degrees) for name, part in skin.PARTS.items()} == {
        "BAA": (100, 0.05, 90), "DAA": (100, 0.05, 90), "BCC": (140, 0.18, 35), "DCC": (140, 0.18, 35),
        "BCF": (1330, 0.10, 10), "BCI": (650, 0.10, 5), "DCI": (650, 0.10, 5),
    }  # fmt: skip


@pytest.mark.parametrize("name", skin.PARTS)
def test_a_reading_falls_just_after_the_sensor_has_settled_and_none_comes_too_soon(name: str) -> None:
    part = skin.PARTS[name]
    pace_ms = skin.sample_ms(part)
    first_ms = -(-part.settle_ms // pace_ms) * pace_ms
    assert pace_ms >= 150
    assert first_ms - part.settle_ms < 50 or part.settle_ms < 150
