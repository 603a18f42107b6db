"""The gate's states and troubles in plain words, for somebody who does not program: what it means, what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from edge.events import ClockQuality, Show, Trouble
from edge.links import Phase


class Words(NamedTuple):
    """``title`` is a few words, ``meaning`` one or two sentences, ``todo`` what to do, empty where nothing."""

    title: str
    meaning: str
    todo: str = ""


SHOWS: dict[Show, Words] = {
    Show.READY: Words(
        "Ready (a short blink every 3 s)",
        "The button is armed. No alarm is open.",
    ),
    Show.TESTING: Words(
        "Testing (three short blinks every 3 s)",
        "A self-test runs, or the centre has opened a test window. A real press is still an alarm: hold the button for"
        " two seconds, or press it twice.",
    ),
    Show.TEST_RECEIVED: Words(
        "Test received (slow: a second on, a second off)",
        "The county centre has the test. No alarm is open.",
    ),
    Show.PRESSED: Words(
        "Pressed (a fast flicker)",
        "The button was pressed. The alarm is not yet safe on the card, and the broker has not confirmed it.",
        "Call the police by telephone if this stays for more than some seconds.",
    ),
    Show.STORED: Words(
        "Stored (even blinking)",
        "The alarm is safe on the card and is being sent. Nobody outside has confirmed it yet.",
        "Call the police by telephone if this stays for more than half a minute.",
    ),
    Show.AT_BROKER: Words(
        "At the broker (double flash)",
        "The message broker has the alarm. This does not say that the county centre has it.",
        "Call the police by telephone if this stays for more than half a minute.",
    ),
    Show.RECEIVED: Words(
        "Received (steady light)",
        "The county centre has the alarm. No officer has confirmed seeing it yet.",
    ),
    Show.SEEN: Words(
        "Seen (steady with one short gap)",
        "An officer at the county centre has seen the alarm.",
    ),
    Show.DISPATCHED: Words(
        "Dispatched (steady with two short gaps)",
        "Help is on its way: the officer has sent somebody.",
    ),
}

AT_BROKER_IS_THE_END = Words(
    "At the broker (double flash)",
    "The message broker has the alarm. This county's platform cannot answer, so the gate cannot know more than that.",
    "Ask the county centre by telephone whether the alarm arrived.",
)
"""Instead of SHOWS[AT_BROKER] where the settings say ``alarm.done_on = "broker"``."""

NOT_ARMED = Words(
    "Starting (dark)",
    "The button is not armed yet: a press is not noticed.",
    "Wait some seconds. If this stays: journalctl -u gatepost",
)

TROUBLES: dict[Trouble, Words] = {
    Trouble.LOOP_OPEN: Words(
        "Button cable cut",
        "Both halves of the button are open: the cable is cut, or a plug is loose. A press may not be noticed.",
        "Check the cable and the terminals between button and Pi at once.",
    ),
    Trouble.LOOP_SHORT: Words(
        "Button cable shorted",
        "Both halves of the button are closed: two wires touch, or water got in.",
        "Check the cable and the terminals between button and Pi at once.",
    ),
    Trouble.KEY_STUCK: Words(
        "Button or key stuck",
        "The button stays pressed, or the reset key stays turned where it is named here. Its press was sent; another"
        " can be noticed only after it lets go.",
        "Pull the button out, or turn the key back. If it is so already, check it for dirt and its cable for a short.",
    ),
    Trouble.EDGE_LOST: Words(
        "Button noticed late",
        "The button's change was found by looking, not by its signal. Presses still count, up to a tenth of a"
        " second later.",
        "Restart the daemon (systemctl restart gatepost). If it returns, check the wiring and report it.",
    ),
    Trouble.SELFTEST_FAILED: Words(
        "Self-test failed",
        "The last whole test of the alarm found a link that does not work. It is named here.",
        "Look at the links (gatepost selftest links), mend the one that failed, and run the test again.",
    ),
    Trouble.STORE_IN_MEMORY: Words(
        "Card not writable",
        "Events are kept in memory only, because the card is full, read-only or broken. Alarms are still sent, but"
        " a power cut would lose what is not sent yet.",
        "Check the free space (df -h) and the card (dmesg). Replace a card that turned read-only.",
    ),
    Trouble.STORE_DAMAGED: Words(
        "Event log damaged",
        "The event log could not be read. It was moved aside and a new one begun; work goes on.",
        "Keep the file that was moved aside, and replace the card soon.",
    ),
    Trouble.FAILURE_TO_COMMUNICATE: Words(
        "Alarm not confirmed",
        "An alarm was sent and nobody confirmed it in time. The gate goes on trying.",
        "Call the police by telephone. Then look at the lines of the brokers.",
    ),
    Trouble.PUBLISH_REFUSED: Words(
        "Broker refuses messages",
        "The broker does not take this gate's messages: its access rights are wrong, or the county centre has not"
        " subscribed there. The line below says which.",
        "Tell the county's administrator this line, this gate's name and the broker's.",
    ),
    Trouble.BROKER_LOST: Words(
        "No connection to a broker",
        "The gate has not reached this broker for a minute. Alarms are kept and go by another broker if there is one.",
        "Check the network cable or modem. The broker's line says the reason.",
    ),
    Trouble.CENTRE_LOST: Words(
        "County centre not listening",
        "The broker works, but the county centre's program is not there to receive. Alarms stay owed until it"
        " confirms them, where the gate is set to wait for that.",
        "Call the county centre: their program must be started.",
    ),
    Trouble.CLOCK_UNSYNCED: Words(
        "Clock not set",
        "The gate's clock may be wrong. Alarms are sent all the same, and their times are corrected later.",
        "Check the network and the time server (timedatectl).",
    ),
    Trouble.CERTIFICATE_ENDING: Words(
        "The gate's certificate ends soon, or has ended",
        "After its end the broker lets the gate in no more. Alarms are kept, and go by every other way there is.",
        "Ask the county for a new one now: gatepost enrol. The gate need not be stopped for it.",
    ),
    Trouble.EVENTS_DROPPED: Words(
        "Old routine events dropped",
        "More routine events waited than may be kept, so the oldest went. No alarm was dropped.",
        "Find out why the centre was not reached for so long.",
    ),
    Trouble.SETTINGS_REFUSED: Words(
        "Settings not used",
        "The settings file has mistakes. The gate runs on the last settings that worked.",
        "Run: gatepost config check FILE, correct what it says, and restart.",
    ),
    Trouble.UPDATE_UNDONE: Words(
        "Update taken back",
        "A new version did not prove itself. The version from before runs again.",
        "Tell the county what the detail says; update again when they have looked at it.",
    ),
    Trouble.DUTY_LATE: Words(
        "A part of the daemon stands still",
        "A part of the daemon has not reported in time. If the button or the lamps depend on it, the daemon is"
        " restarted by itself.",
        "Look in the journal (journalctl -u gatepost) and report it.",
    ),
    Trouble.SENSOR_FAULT: Words(
        "The temperature sensor does not answer well",
        "Too many readings of the infrared sensor fail. Students are not screened; the button is not concerned.",
        "Push the sensor's plug and wires home (SDA is pin 3, SCL is pin 5), and look at: gatepost sensor watch.",
    ),
    Trouble.CAMERA_LOST: Words(
        "The camera is gone",
        "Nobody sees whether a student stands there. The sensor goes on alone; the button is not concerned.",
        "Push the camera's plug home, and look in the journal (journalctl -u gatepost-camera).",
    ),
    Trouble.LEDGER_UNSIGNED: Words(
        "Alarms and tests are kept and sent without a signature",
        "The gate's key cannot be used: nobody could prove later that its record is genuine, and a centre that wants"
        " signatures takes its alarms for forged. Alarms go out all the same.",
        "Do what the line below says; the gate tries again at the next event. Then run: gatepost ledger verify.",
    ),
    Trouble.CENTRE_KEY_UNUSABLE: Words(
        "The centre's key cannot be used",
        "The gate believes nothing that the centre says, so the lamp never gets as far as received. Alarms go out.",
        "Put the county's file at centre.public_key_file; the gate reads it again at the next dial. Then run:"
        " gatepost doctor.",
    ),
}

PHASES: dict[Phase, str] = {
    Phase.DOWN: "not connected",
    Phase.DIALLING: "connecting",
    Phase.UP: "connected",
    Phase.CLOSING: "disconnecting",
}

CLOCKS: dict[ClockQuality, str] = {
    ClockQuality.SYNCED: "set by the network",
    ClockQuality.HOLDOVER: "was set by the network, now runs on by itself",
    ClockQuality.UNSYNCED: "not set: its time may be wrong",
    ClockQuality.BACKFILLED: "worked out afterwards",
}

LISTENING: dict[bool | None, str] = {
    True: "listening",
    False: "not listening",
    None: "has not said",
}
"""The centre's application, as told at one broker."""


def duration(seconds: int) -> str:
    """``3 s``, ``4 min``, ``5 h 10 min``, ``6 d 2 h``."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if minutes == 0:
        return f"{seconds} s"
    if hours == 0:
        return f"{minutes} min"
    if days == 0:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


class Lexicon(NamedTuple):
    """Everything above in one language. ``unknown_lamp`` is meaning and advice where a newer daemon shows a lamp."""

    shows: Mapping[Show, Words]
    at_broker_is_the_end: Words
    not_armed: Words
    unknown_lamp: tuple[str, str]
    troubles: Mapping[Trouble, Words]
    phases: Mapping[Phase, str]
    clocks: Mapping[ClockQuality, str]
    listening: Mapping[bool | None, str]
    duration: Callable[[int], str]


ENGLISH = Lexicon(
    SHOWS, AT_BROKER_IS_THE_END, NOT_ARMED, ("This version does not know this lamp.", "Update gatepost."), TROUBLES,
    PHASES, CLOCKS, LISTENING, duration,
)  # fmt: skip
