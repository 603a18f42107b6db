"""Builds the gate's trust from the settings: its own key, which the ledger shares, and the centre's public keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import CertificateError
from edge.events import Code, Noted, Qualifier, Trouble
from edge.ports import Clock, Post
from edge.runtime import Thread
from edge.settings import Settings
from edge.trust import KeyHolder, Signer, Trust

if TYPE_CHECKING:
    from edge.ledger_key import PublicKey

log = logging.getLogger("gatepost")


class TrustHands:
    """``holder`` is for the ledger too: who comes first loads the key, on a thread that may wait for the card."""

    def __init__(self, settings: Settings, clock: Clock, post: Post, failed: Callable[[str], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._post = post
        self._failed = failed
        self.holder = KeyHolder(self._key)

    def trust(self) -> Trust:
        """For the brokers. The starter's thread: it loads a library, and at the very first start a key is made.

        To be had before the brokers are dialled: a press of the first moment is to be signed like any other. But no
        longer than a thread is waited for at the end: a card that hangs must not keep the gate from its brokers.
        """
        Thread("key", self._load, self._failed).join()
        return Trust(lambda: self.holder.key, self.centre_keys)

    def _load(self) -> None:
        try:
            self.holder.load()
        except CertificateError as error:
            # Alarms go out unsigned. The store's thread tries again with each event, and raises the trouble meanwhile.
            log.error("what this gate sends is not signed: %s", error)

    def centre_keys(self) -> tuple[PublicKey, ...] | None:
        """The centre's keys as the settings' file has them now; None where it names no file, () where none is usable.

        Raises or ends the trouble. Any thread that may wait for the card.
        """
        file = self._settings.centre.public_key_file
        if file is None:
            return None
        from edge.ledger_key import public_keys_of

        try:
            keys = public_keys_of(Path(file))
        except CertificateError as error:
            self._tell(True, f"nothing new of the centre is believed: {error}")
            return ()
        self._tell(False, "the centre's key can be used")
        return keys

    def _key(self) -> Signer:
        from edge.ledger_key import load_or_make

        return load_or_make(Path(self._settings.gate.state_directory))

    def _tell(self, raised: bool, detail: str) -> None:
        qualifier = Qualifier.NEW if raised else Qualifier.RESTORE
        trouble = Trouble.CENTRE_KEY_UNUSABLE
        self._post(Noted(Code.COMMUNICATION_TROUBLE, qualifier, trouble, detail, self._clock.now_ms()))
