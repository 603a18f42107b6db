"""Makes store_version_2.sql: a store as version 2 wrote it. Kept to show how; the dump is never made again.

Run from the project's directory: ``python -m tests.golden.make_store_version_2 > tests/golden/store_version_2.sql``
"""

import sqlite3
import sys
from itertools import chain

from edge import store_schema
from edge.events import ClockQuality, Code, EventId, Lane, Origin, Qualifier, Record, Topic, WallStamp

BOOT = "00000000000000cc"
WALL_MS = 1_760_000_000_000
EVENTS = (
    (Lane.ALARM, Topic.ALARM),
    (Lane.TROUBLE, Topic.TROUBLE),
    (Lane.ROUTINE, Topic.TEMPERATURE),
    (Lane.ROUTINE, Topic.TEMPERATURE),
    (Lane.ROUTINE, Topic.TEMPERATURE),
    (Lane.ROUTINE, Topic.PICTURE),
    (Lane.ROUTINE, Topic.LOG),
)


def main() -> None:
    """Write seven events a second apart, two of them done, and one whose clock was wrong and that was dated since."""
    connection = sqlite3.connect(":memory:")
    for statement in chain(*store_schema.MIGRATIONS[:2]):
        connection.execute(statement)
    for counter, (lane, topic) in enumerate(EVENTS, 1):
        id = EventId(BOOT, counter)
        wall = WallStamp(WALL_MS + counter * 1_000, ClockQuality.SYNCED, 20)
        if counter == 4:
            wall = WallStamp(4_000, ClockQuality.UNSYNCED, None)
        record = Record(
            id, 5, "kernel-c", counter * 1_000, wall, Origin.PERSON, lane, topic, Code.SYSTEM_TROUBLE,
            Qualifier.STATUS, None, {"skin_celsius": 34.25},
        )  # fmt: skip
        connection.execute(store_schema.INSERT, store_schema.columns(record, None, None))
    connection.executemany(store_schema.MARK_DONE, [(BOOT, 2), (BOOT, 3)])
    dated = {"kernel_boot": "kernel-c", "at_ms": 9_000, "wall_ms": WALL_MS + 9_000, "bound_ms": 20, "limit": 9}
    connection.execute(store_schema.BACKFILL_SAME_BOOT, dated)
    connection.commit()
    sys.stdout.write("\n".join(connection.iterdump()) + "\nPRAGMA user_version = 2;\n")


if __name__ == "__main__":
    main()
