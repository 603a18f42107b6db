"""The versions of the store's file: what each added, and which programs can work with it. Pure text."""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            boot TEXT NOT NULL,
            counter INTEGER NOT NULL,
            boot_counter INTEGER NOT NULL,
            kernel_boot TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            lane INTEGER NOT NULL,
            topic TEXT NOT NULL,
            code INTEGER NOT NULL,
            qualifier INTEGER NOT NULL,
            wall_ms INTEGER NOT NULL,
            wall_quality TEXT NOT NULL,
            wall_bound_ms INTEGER,
            not_before_ms INTEGER,
            undated INTEGER NOT NULL,
            backfilled_wall_ms INTEGER,
            backfilled_bound_ms INTEGER,
            owed INTEGER NOT NULL,
            record TEXT NOT NULL,
            UNIQUE (boot, counter)
        ) STRICT
        """,
        "CREATE INDEX events_owed ON events (lane, seq) WHERE owed = 1",
        "CREATE INDEX events_delivered ON events (seq) WHERE owed = 0 AND lane > 0",
        "CREATE INDEX events_undated ON events (kernel_boot, at_ms) WHERE undated = 1",
        "CREATE TABLE keep (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    (
        # Counting a million owed rows takes a card too long, so the counts are kept by the same transaction.
        "CREATE TABLE counts (lane INTEGER PRIMARY KEY, kept INTEGER NOT NULL, owed INTEGER NOT NULL) STRICT",
        "INSERT INTO counts (lane, kept, owed) VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0)",
        """
        UPDATE counts SET kept = (SELECT COUNT(*) FROM events WHERE events.lane = counts.lane),
                          owed = (SELECT COALESCE(SUM(owed), 0) FROM events WHERE events.lane = counts.lane)
        """,
        """
        CREATE TRIGGER events_kept AFTER INSERT ON events BEGIN
            UPDATE counts SET kept = kept + 1, owed = owed + NEW.owed WHERE lane = NEW.lane;
        END
        """,
        """
        CREATE TRIGGER events_settled AFTER UPDATE OF owed ON events BEGIN
            UPDATE counts SET owed = owed + NEW.owed - OLD.owed WHERE lane = NEW.lane;
        END
        """,
        """
        CREATE TRIGGER events_dropped AFTER DELETE ON events BEGIN
            UPDATE counts SET kept = kept - 1, owed = owed - OLD.owed WHERE lane = OLD.lane;
        END
        """,
    ),
    (
        # Only what is about persons: an alarm's row pays nothing for it, and no index leads the deletion to one.
        """
        CREATE INDEX events_personal ON events (topic, COALESCE(backfilled_wall_ms, wall_ms))
            WHERE topic IN ('temperature', 'picture') AND lane = 2
        """,
    ),
    (
        # In the same file, so that an event and its entry are one commit. Nothing ever deletes an entry.
        """
        CREATE TABLE ledger (
            number INTEGER PRIMARY KEY,
            previous TEXT NOT NULL,
            record TEXT NOT NULL,
            signature TEXT NOT NULL,
            hash TEXT NOT NULL
        ) STRICT
        """,
    ),
    (
        # SQLite has no checksums: a bit that fell over in a record would be sent as if it were true. None in old rows.
        "ALTER TABLE events ADD COLUMN checksum INTEGER",
    ),
)
"""Step n takes a file from version n to n + 1 (``PRAGMA user_version``), in one transaction. Never edit a step.

A step only adds, and what it adds is optional: a gate that goes back to its old version goes on with the same file."""

OLDEST_VERSION = 4
"""Programs since this version of the file can read and write it as it is now (``PRAGMA application_id``)."""
