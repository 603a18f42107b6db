"""Deletes what has lain too long, a bounded piece at a time, then counts what is left: the proof that it is gone.

The store's thread calls everything here, between two batches: a press waits for one piece at most.
"""

from __future__ import annotations

from edge.events import Forget, Forgotten
from edge.ports import Clock, Outbox, Post


class Forgetting:
    """One job at a time; a later one takes the place of one that is not finished."""

    def __init__(self, clock: Clock, post: Post) -> None:
        self._clock = clock
        self._post = post
        self._job: Forget | None = None
        self._deleting = True
        self._seq = 0
        self._rows = self._left = 0

    @property
    def busy(self) -> bool:
        """True while a piece is still to be done."""
        return self._job is not None

    def begin(self, job: Forget) -> None:
        """Take a job."""
        self._job, self._deleting, self._seq, self._rows, self._left = job, True, 0, 0, 0

    def piece(self, outbox: Outbox) -> None:
        """Do the next piece; at the end post Forgotten. Raises what the outbox raises: the piece is then done again."""
        job = self._job
        if job is None:
            return
        found, following = outbox.forget(job.topics, job.before_wall_ms, self._seq, delete=self._deleting)
        if self._deleting:
            self._rows += found
        else:
            self._left += found
        if following is not None:
            self._seq = following
        elif self._deleting:
            self._deleting, self._seq = False, 0
        else:
            self._job = None
            self._post(Forgotten(job.before_wall_ms, self._rows, self._left, self._clock.now_ms()))
