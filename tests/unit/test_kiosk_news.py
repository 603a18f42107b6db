"""What the core makes of the kiosk: events of their own, pictures of real presses only, and nothing for the button."""

from __future__ import annotations

from msgspec.structs import replace

from edge import kiosk_news, state
from edge.events import (
    AnswerView,
    Boot,
    Command,
    Contact,
    Fact,
    Journal,
    Lane,
    Origin,
    Publish,
    Record,
    Store,
    Topic,
    Trouble,
    ViewAsked,
)
from edge.making import line
from edge.measuring import CameraLost, PictureTaken, Screen, SkinRead, TakePicture
from edge.state import KioskRules, Rules, State
from tests.unit.machines import BOOT, edge
from tests.unit.pupils import BCC, USUAL, WALL
from tests.unit.test_core import OPENED, START, press, run

PICTURES = KioskRules(BCC, alarm_pictures=True)


def gate(rules: KioskRules = PICTURES) -> State:
    begun = state.begin(Boot(BOOT, 7, "k1"), Rules(kiosk=rules), 0)
    return run([*START, *OPENED], begun)[0]


def reads(*celsius: float, begin_ms: int = 1_000) -> list[Fact]:
    return [SkinRead(one, 23.0, begin_ms + 150 * number) for number, one in enumerate(celsius)]


def stored(out: list[Command], topic: Topic) -> list[Store]:
    return [one for one in out if isinstance(one, Store) and one.record.topic is topic]


def test_a_student_is_one_event_on_a_topic_of_its_own_and_nobody_s_name_or_picture_in_it() -> None:
    after, out = run(reads(WALL, WALL, *[USUAL] * 6, WALL), gate())
    (kept,) = stored(out, Topic.TEMPERATURE)
    assert kept.record.lane is Lane.ROUTINE
    assert kept.record.body["verdict"] == "normal"
    assert set(kept.record.body) <= {
        "verdict", "reason", "skin_celsius", "ambient_celsius", "estimate_celsius", "samples", "baseline_celsius",
        "above_crowd_celsius", "attempts", "took_ms",
    }  # fmt: skip
    assert after.alarm.ids == ()


def test_temperatures_and_pictures_stay_out_of_the_journal() -> None:
    gone, out = run([*reads(WALL, WALL, *[USUAL] * 6, WALL), *press(9_000)], gate())
    _, more = run([PictureTaken(str(gone.alarm.ids[0]), -500, b"\xff\xd8secret", 9_500)], gone)
    about = [one.about for one in (*out, *more) if isinstance(one, Journal)]
    told = " ".join(line(one) for one in about if isinstance(one, Record))
    assert "temperature 950" in told
    assert "picture 952" in told
    assert "celsius" not in told
    assert "jpeg" not in told


def test_a_press_asks_for_pictures_after_everything_that_the_alarm_needs() -> None:
    _, out = run(press(), gate())
    kinds = [type(one) for one in out if isinstance(one, Store | Publish | TakePicture)]
    assert kinds.count(TakePicture) == 1
    assert kinds.index(Store) < kinds.index(TakePicture)


def test_no_picture_is_asked_for_unless_the_settings_say_so_nor_for_a_test() -> None:
    _, out = run(press(), gate(KioskRules(BCC)))
    assert not any(isinstance(one, TakePicture) for one in out)
    test = [edge(5_000, closed=True, origin=Origin.SELF_TEST), edge(5_100, closed=False, contact=Contact.KEY)]
    _, out = run(test, gate())
    assert not any(isinstance(one, TakePicture) for one in out)


def test_a_picture_is_an_event_of_its_own_behind_the_alarm_and_of_a_known_incident_only() -> None:
    pressed, _ = run(press(), gate())
    incident = pressed.alarm.ids[0]
    _, out = run([PictureTaken(str(incident), -500, b"\xff\xd8", 6_000)], pressed)
    (kept,) = stored(out, Topic.PICTURE)
    assert (kept.record.lane, kept.record.incident) == (Lane.ROUTINE, incident)
    assert kept.record.body == {"offset_ms": -500, "jpeg_base64": "/9g="}
    _, out = run([PictureTaken("00" * 8 + "-1", 0, b"\xff\xd8", 6_000)], pressed)
    assert stored(out, Topic.PICTURE) == []


def test_a_press_is_the_same_with_a_kiosk_and_without_one() -> None:
    def presses(rules: KioskRules) -> list[str]:
        _, out = run(press(), gate(rules))
        return [type(one).__name__ for one in out if not isinstance(one, TakePicture)]

    assert presses(PICTURES) == presses(KioskRules())


def test_a_mistake_in_judging_temperatures_never_ends_the_brain() -> None:
    broken = replace(BCC, part="no part at all")  # type: ignore[arg-type]
    after, _ = run([*reads(WALL, WALL, *[USUAL] * 6), *press(9_000)], gate(KioskRules(broken)))
    assert after.alarm.ids != ()
    assert any(name.startswith("kiosk_") for name in after.health.counters)
    assert after.kiosk.thermometer is not None
    assert after.kiosk.thermometer.shown.screen is not Screen.NORMAL


def test_a_kiosk_that_wants_to_be_woken_in_the_past_does_not_keep_the_brain_busy() -> None:
    machine = gate().kiosk.thermometer
    assert machine is not None
    late = replace(gate(), kiosk=state.Kiosk(PICTURES, replace(machine, until_ms=5), ticked_ms=50_000))
    assert kiosk_news.wake_at(late) == 50_000 + kiosk_news.TICK_MS_MIN


def test_the_view_shows_the_kiosk_and_nothing_where_there_is_none() -> None:
    _, out = run([ViewAsked(1, 500)], gate())
    assert out[0].view["kiosk"]["screen"] == "idle"  # type: ignore[union-attr,index]
    _, out = run([ViewAsked(1, 500)], gate(KioskRules()))
    assert out[0].view["kiosk"] is None  # type: ignore[union-attr]


def test_a_camera_for_the_alarm_s_pictures_alone_is_missed_too() -> None:
    after, _ = run([CameraLost("gone", 900)], gate(KioskRules(None, alarm_pictures=True)))
    assert [one.trouble for one in after.health.standing] == [Trouble.CAMERA_LOST]


def test_a_kiosk_that_cannot_be_looked_at_shows_as_out_of_order_and_the_brain_goes_on() -> None:
    whole = gate()
    machine = whole.kiosk.thermometer
    assert machine is not None
    spoilt = replace(machine, sound="no soundness at all")  # type: ignore[arg-type]
    broken = replace(whole, kiosk=replace(whole.kiosk, thermometer=spoilt))
    assert kiosk_news.wake_at(broken) is not None
    after, out = run([ViewAsked(1, 500), *press()], broken)
    assert next(one for one in out if isinstance(one, AnswerView)).view["kiosk"] is None
    assert after.alarm.ids != ()
