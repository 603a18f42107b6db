"""Mistakes in the store: each one an alarm that a power cut, a full card or a damaged file takes with it."""

from __future__ import annotations

from mutation.mistake import Mistake

STORE_MISTAKES = (
    Mistake(
        "store: a commit is not synced", "edge/card_file.py", '"synchronous = FULL", 2', '"synchronous = NORMAL", 1'
    ),
    Mistake(
        "store: a deleted file is written on for ever",
        "edge/card_file.py",
        "            self._demand_same_file()\n",
        "",
    ),
    Mistake(
        "store: a locked file is moved aside as damaged",
        "edge/card_file.py",
        "frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})",
        "frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_BUSY})",
    ),
    Mistake(
        "store: a read-only card is read without its WAL",
        "edge/card_file.py",
        "            if wal.exists() and wal.stat().st_size:\n                raise\n",
        "",
    ),
    Mistake(
        "store: a newer file is never used",
        "edge/card_file.py",
        "if version > len(migrations) and not 0 < oldest <= len(migrations):",
        "if version > len(migrations):",
    ),
    Mistake(
        "store: an event that is kept already is a new entry",
        "edge/drivers/store.py",
        "                if seq > before:\n                    new[seq] = record",
        "                new[seq] = record",
    ),
    Mistake(
        "store: the last room goes to the first who asks",
        "edge/drivers/store.py",
        "if self._reserve.is_spent and not urgent:",
        "if False:",
    ),
    Mistake(
        "store: deleted bytes stay in the WAL",
        "edge/drivers/store.py",
        "            self._file.empty_wal()\n",
        "            pass\n",
    ),
    Mistake(
        "store: memory gives a number that the card has given",
        "edge/fallback.py",
        "next_seq = max(self._last_seq, self._memory.last_seq()) + 1",
        "next_seq = self._memory.last_seq() + 1",
    ),
    Mistake(
        "store: what was done meanwhile is sent again",
        "edge/fallback.py",
        "        card.mark_done(list(self._done))\n",
        "",
    ),
    Mistake(
        "store: a press in memory ends an incident nobody has read",
        "edge/fallback.py",
        "if self._card is None and latched(card.latch()):",
        "if False:",
    ),
    Mistake(
        "store: a lost file's alarms are dropped where memory holds the card",
        "edge/fallback.py",
        "[record for record in error.rescued if record.id not in self._done],",
        "[],",
    ),
    Mistake(
        "store: an alarm waits for the backlog's commit",
        "edge/keeper.py",
        "alarms = [record for record in records if record.lane is Lane.ALARM]",
        "alarms: list[Record] = []",
    ),
    Mistake(
        "store: a cursor of the old file is believed",
        "edge/keeper.py",
        "if renumberings != self._outbox.renumberings:",
        "if False:",
    ),
    Mistake(
        "store: forgotten by a clock that nobody set",
        "edge/keeper.py",
        "forgets_on = self._fix is None and self._forgetting.waiting",
        "forgets_on = self._forgetting.waiting",
    ),
    Mistake(
        "store: an altered alarm is sent as it is",
        "edge/store_schema.py",
        "return found[16] is not None and crc32(found[1]) != found[16]",
        "return False",
    ),
)
