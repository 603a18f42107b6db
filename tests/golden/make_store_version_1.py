"""Makes store_version_1.sql: a store as version 1 wrote it. Kept to show how; the dump is never made again.

Run from the project's directory: ``python -m tests.golden.make_store_version_1 > tests/golden/store_version_1.sql``
"""

import sqlite3
import sys

from edge import store_schema
from edge.events import (
    ClockQuality,
    Code,
    EventId,
    Lane,
    Latch,
    Origin,
    Qualifier,
    Record,
    Topic,
    WallStamp,
)

BOOT = "00000000000000bb"
LANES = (Lane.ALARM, Lane.ALARM, Lane.TROUBLE, Lane.ROUTINE, Lane.ROUTINE, Lane.ROUTINE)
TOPICS = {Lane.ALARM: Topic.ALARM, Lane.TROUBLE: Topic.TROUBLE, Lane.ROUTINE: Topic.LOG}


def main() -> None:
    """Write six events, two of them done, a latch and a sign of life."""
    connection = sqlite3.connect(":memory:")
    for statement in store_schema.MIGRATIONS[0]:
        connection.execute(statement)
    for counter, lane in enumerate(LANES, 1):
        id = EventId(BOOT, counter)
        quality = ClockQuality.UNSYNCED if counter < 3 else ClockQuality.SYNCED
        wall = WallStamp(1_760_000_000_000 + counter, quality, None if counter < 3 else 20)
        record = Record(
            id, 4, "kernel-b", counter * 100, wall, Origin.PERSON, lane, TOPICS[lane], Code.SILENT_PANIC,
            Qualifier.NEW, id if lane is Lane.ALARM else None, {"note": "Tür"},
        )  # fmt: skip
        connection.execute(store_schema.INSERT, store_schema.columns(record, None, None))
    connection.executemany(store_schema.MARK_DONE, [(BOOT, 1), (BOOT, 4)])
    latch = Latch((EventId(BOOT, 2),), None, 1, None, "kernel-b")
    alive = WallStamp(1_760_000_060_000, ClockQuality.SYNCED, 20)
    connection.execute(store_schema.KEEP, (store_schema.LATCH_KEY, store_schema.encode(latch)))
    connection.execute(store_schema.KEEP, (store_schema.ALIVE_KEY, store_schema.encode(alive)))
    connection.commit()
    sys.stdout.write("\n".join(connection.iterdump()) + "\nPRAGMA user_version = 1;\n")


if __name__ == "__main__":
    main()
