"""What events are about and in which order they travel; which are about persons, and the words to delete those.

Nothing here acts. ``wall_ms`` in a name means milliseconds since 1970-01-01 UTC, ``at_ms`` monotonic milliseconds.
"""

from __future__ import annotations

from enum import Enum, IntEnum

from edge.value import Value


class Lane(IntEnum):
    """Order of sending: a lower lane overtakes a higher one. Only the alarm lane is never evicted."""

    ALARM = 0
    TROUBLE = 1
    ROUTINE = 2


class Topic(Enum):
    """Last word of the MQTT topic an event travels on."""

    ALARM = "alarm"
    SELF_TEST = "selftest"
    TROUBLE = "trouble"
    TEMPERATURE = "temperature"
    PICTURE = "picture"
    FLOW = "flow"
    LOG = "log"


PERSONAL = (Topic.TEMPERATURE, Topic.PICTURE)
"""About persons: their routine events, and no others, are deleted when their days are over."""


class Forget(Value, frozen=True):
    """Delete the routine events of a personal topic dated before ``before_wall_ms``, delivered or owed.

    An event's date is its worked-out wall time where there is one, else what its clock said. Damaged files that were
    moved aside before go as well: nobody can say which events are in them.
    """

    topic: Topic
    before_wall_ms: int


class Forgotten(Value, frozen=True):
    """``Forget`` was carried out on the card: ``rows`` events and ``files`` moved aside as damaged are gone.

    ``left`` is the proof: how many older ones were found afterwards by looking at every event, without the index that
    deleted them. It is 0, or something is wrong that trying again did not mend. Of a topic that is not personal nothing
    is deleted, and all are left. ``files_left`` are damaged files that could not be deleted. There is no answer while
    the card takes no writes.
    """

    topic: Topic
    before_wall_ms: int
    rows: int
    left: int
    files: int
    files_left: int
    at_ms: int
