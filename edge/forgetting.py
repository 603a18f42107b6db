"""Deletes what is older than its days, a few rows at a time, and then proves it by looking at every row that is left.

The store's thread does one step between two jobs. While the card takes no writes, memory is cleared and the card waits:
nothing is told deleted that is still there. Files that were moved aside as damaged go last, whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edge.events import Forget, Forgotten, Topic
from edge.ports import Clock, Outbox

DELETED_AT_ONCE = 32
"""Rows that one step deletes: one short commit, even where each is a picture."""

COUNTED_AT_ONCE = 1_000
"""Rows that one step looks at: less than a megabyte to read."""


@dataclass
class _Job:
    """One topic's deletion. ``counted_seq`` None: rows are being deleted; else all up to it have been looked at."""

    topic: Topic
    before_wall_ms: int
    rows: int = 0
    rows_this_round: int = 0
    counted_seq: int | None = None
    left: int = 0
    files: int = 0

    def start_round(self) -> None:
        self.rows_this_round = self.left = 0
        self.counted_seq = None


class Forgetting:
    """The deletions under way, one a topic. The store's thread calls everything.

    ``step`` raises what the outbox raises, and can then be called again. ``tell`` is given each proof, on that thread.
    """

    def __init__(self, clock: Clock, tell: Callable[[Forgotten], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._jobs: dict[Topic, _Job] = {}
        self._outbox: Outbox | None = None

    @property
    def waiting(self) -> bool:
        """True while a deletion is not yet proved."""
        return bool(self._jobs)

    def begin(self, command: Forget) -> None:
        """Take on a deletion. One of the same topic that is under way goes on as this one."""
        job = self._jobs.setdefault(command.topic, _Job(command.topic, command.before_wall_ms))
        job.before_wall_ms = command.before_wall_ms
        job.start_round()

    def step(self, outbox: Outbox) -> bool:
        """Do a little on the outbox that takes writes now; False if there is nothing that can be done on it.

        A job ends on a durable outbox only, with ``Forgotten``. Rows found in the count are deleted in another round;
        rows that a whole round could not delete are told as ``left``.
        """
        if outbox is not self._outbox:  # nothing that was found on another one holds for this
            self._outbox = outbox
            for job in self._jobs.values():
                job.start_round()
        for job in self._jobs.values():
            if job.counted_seq is None:
                self._delete(outbox, job)
                return True
            if outbox.durable:
                self._count(outbox, job, job.counted_seq)
                return True
        return False

    def _delete(self, outbox: Outbox, job: _Job) -> None:
        rows = outbox.forget(job.topic, job.before_wall_ms, DELETED_AT_ONCE)
        job.rows += rows
        job.rows_this_round += rows
        if rows == 0:
            job.counted_seq = 0

    def _count(self, outbox: Outbox, job: _Job, after_seq: int) -> None:
        following = outbox.history(after_seq, 1)
        if following:
            first_seq = following[0].seq
            job.counted_seq = first_seq - 1 + COUNTED_AT_ONCE
            job.left += outbox.count_older(job.topic, job.before_wall_ms, first_seq - 1, job.counted_seq)
        elif job.left and job.rows_this_round:
            job.start_round()
        elif outbox.forget_damaged(job.before_wall_ms):
            job.files += 1
        else:
            self._prove(outbox, job)

    def _prove(self, outbox: Outbox, job: _Job) -> None:
        files_left = outbox.count_damaged(job.before_wall_ms)
        now_ms = self._clock.now_ms()
        self._tell(Forgotten(job.topic, job.before_wall_ms, job.rows, job.left, job.files, files_left, now_ms))
        del self._jobs[job.topic]
