"""What students see and hear of a verdict without a screen: which lamp, which sound, and never a fast flicker."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from edge.drivers.clock import SystemClock
from edge.drivers.pupil_lamps import LIGHTS, SOUNDS, Part, PupilLamps
from edge.errors import DeviceError
from edge.measuring import Reason, Screen, TellPupil
from edge.rhythm import NEVER_MS, Rhythm
from edge.runtime import Thread
from edge.settings import ClockSettings
from tests.process.waiting import until

GPIOS = {Part.NORMAL: 12, Part.AGAIN: 13, Part.HIGH: 16, Part.BUZZER: 26}
LAMPS = (Part.NORMAL, Part.AGAIN, Part.HIGH)
FLASHES_A_SECOND_MAX = 3


class Post:
    """Lamps and buzzer on mock pins, playing."""

    def __init__(self, gpios: dict[Part, int]) -> None:
        self.factory = MockFactory(pin_class=MockPWMPin)
        self.failures: Counter[str] = Counter()
        self.lamps = PupilLamps(
            gpios, pin_factory=self.factory, clock=SystemClock(ClockSettings()), failed=self._failed
        )
        self.thread = Thread("pupil", self.lamps.play, self._failed)

    def _failed(self, what: str) -> None:
        self.failures[what] += 1

    def pin(self, part: Part) -> Any:
        return self.factory.pin(GPIOS[part])

    def tell(self, screen: Screen) -> None:
        self.lamps.tell(TellPupil(screen, Reason.NONE))

    def lit(self) -> set[Part]:
        return {part for part in LAMPS if self.pin(part).state}

    def sounds(self) -> int:
        """How often the buzzer went on since its states were cleared."""
        return sum(bool(one.state) for one in self.pin(Part.BUZZER).states[1:])

    def end(self) -> None:
        self.lamps.close()
        self.thread.join()


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post(GPIOS)
    yield post
    post.end()


def test_everything_is_dark_and_silent_before_anything_is_told(post: Post) -> None:
    assert post.lit() == set()
    assert not post.pin(Part.BUZZER).state


@pytest.mark.parametrize(
    ("screen", "lamp"),
    [
        (Screen.MEASURING, Part.AGAIN),
        (Screen.NORMAL, Part.NORMAL),
        (Screen.HIGH, Part.HIGH),
        (Screen.CANNOT_SCREEN, Part.HIGH),
    ],
)
def test_each_screen_lights_its_lamp_and_puts_out_the_one_before(post: Post, screen: Screen, lamp: Part) -> None:
    before = Screen.HIGH if lamp is not Part.HIGH else Screen.NORMAL
    post.tell(before)
    until(post.lit)
    post.tell(screen)
    until(post.lit, lambda lit: lit == {lamp})


def test_the_green_lamp_means_normal_and_nothing_else() -> None:
    assert [screen for screen, lights in LIGHTS.items() if Part.NORMAL in lights] == [Screen.NORMAL]


def test_every_screen_has_its_own_lights_but_those_where_nobody_is_served() -> None:
    dark = [screen for screen in Screen if not LIGHTS[screen]]
    assert dark == [Screen.IDLE, Screen.STAND_HERE]
    shown = [tuple(sorted((part.value, pattern) for part, pattern in LIGHTS[one].items())) for one in Screen]
    assert len(set(shown)) == len(Screen) - 1


@pytest.mark.parametrize(
    ("screen", "beeps"),
    [(Screen.NORMAL, 1), (Screen.AGAIN, 2), (Screen.HIGH, 1), (Screen.CANNOT_SCREEN, 1)],
)
def test_the_sound_of_a_verdict_is_played_once(post: Post, screen: Screen, beeps: int) -> None:
    post.pin(Part.BUZZER).clear_states()
    post.tell(screen)
    until(post.sounds, lambda count: count == beeps)
    until(lambda: not post.pin(Part.BUZZER).state)
    post.tell(Screen.IDLE)
    until(post.lit, lambda lit: not lit)
    assert post.sounds() == beeps


def test_the_next_student_hears_the_same_verdict_again(post: Post) -> None:
    post.pin(Part.BUZZER).clear_states()
    for number in (1, 2, 3):
        post.tell(Screen.NORMAL)
        until(post.sounds, lambda count, number=number: count == number)
        until(lambda: not post.pin(Part.BUZZER).state)


def test_one_short_two_short_one_long() -> None:
    beeps = {screen: sound[0::2] for screen, sound in SOUNDS.items()}
    assert [len(beeps[screen]) for screen in (Screen.NORMAL, Screen.AGAIN, Screen.HIGH)] == [1, 2, 1]
    assert beeps[Screen.HIGH][0] >= 3 * beeps[Screen.NORMAL][0]
    assert set(SOUNDS) == {Screen.NORMAL, Screen.AGAIN, Screen.HIGH, Screen.CANNOT_SCREEN}


def test_no_lamp_flashes_more_than_three_times_a_second() -> None:
    for screen, part in itertools.product(Screen, LAMPS):
        pattern = LIGHTS[screen].get(part, ())
        if len(pattern) > 1:
            assert sum(pattern) / (len(pattern) // 2) >= 1_000 / FLASHES_A_SECOND_MAX


def test_a_blinking_lamp_really_blinks(post: Post) -> None:
    pin = post.pin(Part.AGAIN)
    pin.clear_states()
    post.tell(Screen.AGAIN)
    until(lambda: len(pin.states) - 1, lambda changes: changes >= 4)


@pytest.mark.parametrize("fitted", [set(), {Part.BUZZER}, {Part.HIGH}])
def test_what_is_not_fitted_is_not_missed(fitted: set[Part]) -> None:
    post = Post({part: GPIOS[part] for part in fitted})
    for screen in Screen:
        post.tell(screen)
    for part in fitted - {Part.BUZZER}:
        until(lambda part=part: bool(post.pin(part).state))
    post.end()
    assert not post.failures


def test_a_pin_that_fails_is_counted_and_silences_no_other(post: Post) -> None:
    class Unwritable(MockPWMPin):
        def _set_state(self, value: object) -> None:
            raise OSError(5, "the line is gone")

    post.pin(Part.AGAIN).__class__ = Unwritable
    post.tell(Screen.AGAIN)
    until(lambda: post.failures["pupil_lamps"])
    post.tell(Screen.HIGH)
    until(post.lit, lambda lit: Part.HIGH in lit)
    assert "thread_pupil" not in post.failures
    post.pin(Part.AGAIN).__class__ = MockPWMPin


def test_a_line_that_is_taken_is_named_with_its_key() -> None:
    with pytest.raises(DeviceError, match=r"thermometer.high_gpio: GPIO 12 cannot be used"):
        Post({Part.NORMAL: 12, Part.HIGH: 12})


def test_after_the_end_all_is_dark() -> None:
    post = Post(GPIOS)
    post.tell(Screen.HIGH)
    until(lambda: post.lit() == {Part.HIGH} and post.pin(Part.BUZZER).state)
    post.end()
    for part in Part:
        assert post.pin(part).function == "input" or not post.pin(part).state
    assert not post.failures


# --- the rhythm that all lamps share ----------------------------------------------------------------------------


class Level:
    def __init__(self) -> None:
        self.value: bool | None = None


def levels(rhythm: Rhythm, level: Level, until_ms: int) -> list[tuple[int, bool | None]]:
    """Each change with its time, looked at every 10 ms."""
    seen: list[tuple[int, bool | None]] = [(0, level.value)]
    for now_ms in range(0, until_ms + 1, 10):
        rhythm.beat(now_ms)
        if level.value != seen[-1][1]:
            seen.append((now_ms, level.value))
    return seen


def test_a_pattern_is_repeated() -> None:
    level = Level()
    rhythm = Rhythm(level)
    rhythm.begin((100, 50), 0)
    assert levels(rhythm, level, 300) == [(0, True), (100, False), (150, True), (250, False), (300, True)]


def test_the_same_pattern_told_again_does_not_begin_anew() -> None:
    level = Level()
    rhythm = Rhythm(level)
    rhythm.begin((100, 50), 0)
    rhythm.begin((100, 50), 90)
    assert rhythm.due_ms == 100


def test_one_beat_is_steady_and_none_is_dark() -> None:
    level = Level()
    rhythm = Rhythm(level)
    rhythm.begin((100,), 0)
    assert (level.value, rhythm.due_ms) == (True, NEVER_MS)
    rhythm.begin((), 10)
    assert (level.value, rhythm.due_ms) == (False, NEVER_MS)


@pytest.mark.parametrize("pattern", [(100,), (100, 50, 100)])
def test_what_is_played_once_ends_dark_and_can_be_played_again(pattern: tuple[int, ...]) -> None:
    level = Level()
    rhythm = Rhythm(level)
    for _ in range(2):
        rhythm.play_once(pattern, 0)
        seen = levels(rhythm, level, 1_000)
        assert seen[-1] == (sum(pattern), False)
        assert rhythm.due_ms == NEVER_MS


def test_an_output_that_fails_is_not_tried_again_before_its_time() -> None:
    class Failing:
        @property
        def value(self) -> bool:
            return False

        @value.setter
        def value(self, _level: bool) -> None:
            raise OSError

    rhythm = Rhythm(Failing())
    for move in (lambda: rhythm.begin((100, 50), 0), lambda: rhythm.beat(100)):
        with pytest.raises(OSError):
            move()
    assert rhythm.due_ms == 150
