"""Contact ID (SIA DC-05) as far as it is used: qualifiers, event codes, and the troubles that are told by them."""

from __future__ import annotations

from enum import Enum, IntEnum


class Qualifier(IntEnum):
    """SIA DC-05 (Contact ID) qualifier."""

    NEW = 1
    RESTORE = 3
    STATUS = 6


class Code(IntEnum):
    """SIA DC-05 (Contact ID) event codes in use."""

    SILENT_PANIC = 122
    AUDIBLE_PANIC = 123
    SYSTEM_TROUBLE = 300
    RESTART = 305
    CONFIGURATION_CHANGED = 306
    SHUTDOWN = 308
    COMMUNICATION_TROUBLE = 350
    PRIMARY_LINE = 351
    SECONDARY_LINE = 352
    FAILURE_TO_COMMUNICATE = 354
    CENTRE_LOST = 356
    LOOP_OPEN = 371
    LOOP_SHORT = 372
    PANIC_ZONE_TROUBLE = 375
    SENSOR_TROUBLE = 380
    PANIC_RESET = 465
    MANUAL_TEST = 601
    PERIODIC_TEST = 602
    WALK_TEST = 607
    PERIODIC_TEST_TROUBLE = 608
    POINT_NOT_TESTED = 612
    LOG_OVERFLOW = 624
    CLOCK_SET = 625
    CLOCK_INACCURATE = 626
    TEMPERATURE_SCREENED = 950  # 9xx is left to makers: these four are no alarm-panel events
    STUDENT_FLOW = 951
    ALARM_PICTURE = 952
    PERSONAL_FORGOTTEN = 953


class Trouble(Enum):
    """A condition that stands until it is restored. The name is its identity; ``code`` its Contact ID bucket."""

    LOOP_OPEN = "loop_open"
    LOOP_SHORT = "loop_short"
    KEY_STUCK = "key_stuck"
    EDGE_LOST = "edge_lost"
    STORE_IN_MEMORY = "store_in_memory"
    STORE_DAMAGED = "store_damaged"
    FAILURE_TO_COMMUNICATE = "failure_to_communicate"
    PUBLISH_REFUSED = "publish_refused"
    BROKER_LOST = "broker_lost"
    CENTRE_LOST = "centre_lost"
    CLOCK_UNSYNCED = "clock_unsynced"
    CERTIFICATE_ENDING = "certificate_ending"
    EVENTS_DROPPED = "events_dropped"
    SETTINGS_REFUSED = "settings_refused"
    UPDATE_UNDONE = "update_undone"
    DUTY_LATE = "duty_late"
    SENSOR_FAULT = "sensor_fault"
    CAMERA_LOST = "camera_lost"
    SELFTEST_FAILED = "selftest_failed"
    LEDGER_UNSIGNED = "ledger_unsigned"
    CENTRE_KEY_UNUSABLE = "centre_key_unusable"

    @property
    def code(self) -> Code:
        """The Contact ID code this trouble is reported under."""
        return _TROUBLE_CODES[self]


_TROUBLE_CODES = {
    Trouble.LOOP_OPEN: Code.LOOP_OPEN,
    Trouble.LOOP_SHORT: Code.LOOP_SHORT,
    Trouble.KEY_STUCK: Code.PANIC_ZONE_TROUBLE,
    Trouble.EDGE_LOST: Code.PANIC_ZONE_TROUBLE,
    Trouble.STORE_IN_MEMORY: Code.SYSTEM_TROUBLE,
    Trouble.STORE_DAMAGED: Code.SYSTEM_TROUBLE,
    Trouble.FAILURE_TO_COMMUNICATE: Code.FAILURE_TO_COMMUNICATE,
    Trouble.PUBLISH_REFUSED: Code.COMMUNICATION_TROUBLE,
    Trouble.BROKER_LOST: Code.PRIMARY_LINE,
    Trouble.CENTRE_LOST: Code.CENTRE_LOST,
    Trouble.CLOCK_UNSYNCED: Code.CLOCK_INACCURATE,
    Trouble.CERTIFICATE_ENDING: Code.COMMUNICATION_TROUBLE,
    Trouble.EVENTS_DROPPED: Code.LOG_OVERFLOW,
    Trouble.SETTINGS_REFUSED: Code.CONFIGURATION_CHANGED,
    Trouble.UPDATE_UNDONE: Code.CONFIGURATION_CHANGED,
    Trouble.DUTY_LATE: Code.SYSTEM_TROUBLE,
    Trouble.SENSOR_FAULT: Code.SENSOR_TROUBLE,
    Trouble.CAMERA_LOST: Code.SENSOR_TROUBLE,
    Trouble.SELFTEST_FAILED: Code.PERIODIC_TEST_TROUBLE,
    Trouble.LEDGER_UNSIGNED: Code.SYSTEM_TROUBLE,
    Trouble.CENTRE_KEY_UNUSABLE: Code.COMMUNICATION_TROUBLE,
}
