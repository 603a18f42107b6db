"""What a gate has that a test can exercise, and what one test has seen of it. Values only."""

from __future__ import annotations

from edge.value import Value


class Fitted(Value, frozen=True):
    """What this gate has, as far as a test can exercise it. ``brokers`` are names, in order of preference.

    ``receipts`` False: the county's platform cannot answer. ``officer_ms`` is what a person there may take.
    """

    brokers: tuple[str, ...] = ("broker",)
    receipts: bool = True
    loopback: bool = False
    supervised: bool = False
    siren: bool = False
    siren_sense: bool = False
    lamp_sense: bool = False
    thermometer: bool = False
    ledger: bool = False
    officer_ms: int = 90_000


class Evidence(Value, frozen=True):
    """What one test saw. Moments are monotonic milliseconds, None where the thing did not happen.

    ``held_closed``: the level that the relay's hand read while it held the contact. ``light_*`` and ``siren_moved`` are
    of the sense inputs; ``lit_ms`` is how long the lamp was lit at a stretch after the receipt. ``offset_ms`` is this
    gate's clock minus the centre's, ``round_ms`` the way there and back in which it was measured. ``alarms`` counts the
    real presses meanwhile: from then on contact, lamp and siren are the alarm's.
    """

    began_ms: int | None = None
    ended_ms: int | None = None
    held_closed: bool | None = None
    edge_ms: int | None = None
    quiet_ms: int | None = None
    polled: bool = False
    failed: str = ""
    failed_ms: int | None = None
    marked_ms: int | None = None
    confirmed_ms: int | None = None
    stored_ms: int | None = None
    read_back: bool | None = None
    entries: int | None = None
    log_fault: str = ""
    acked_ms: tuple[int | None, ...] = ()
    refused: tuple[int | None, ...] = ()
    received_ms: int | None = None
    offset_ms: int | None = None
    round_ms: int = 0
    seen_ms: int | None = None
    officer: str = ""
    light_on: bool = False
    light_off: bool = False
    return_ms: int | None = None
    siren_pulsed: bool | None = None
    siren_moved: bool = False
    ambient_celsius: float | None = None
    sensor_fault: bool = False
    loop_fault: str = ""
    alarms: int = 0
