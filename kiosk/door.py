"""The door of the teacher's page when it is opened to the school's network: one word, shared by the teachers.

The word comes in a form's body or in the header ``Authorization: Bearer``, never in an address. A browser then keeps a
signed pass for half a day, from which the word cannot be read back. Pure but for ``read_word``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from pathlib import Path

from edge.errors import CertificateError

WORD_CHARACTERS_MIN = 16
"""At five tries a minute from each of a school's addresses nobody guesses so long a word."""

PASS_S = 12 * 3600
TRIES_A_MINUTE = 5
ADDRESSES_MAX = 256


def read_word(file: Path) -> str:
    """The first line of the teachers' file. Raises CertificateError."""
    name = f"kiosk.teacher_token_file {file}"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise CertificateError(f"{name} is not UTF-8 text; write the teachers' word on its first line") from None
    except OSError as error:
        raise CertificateError(
            f"{name} cannot be read ({error.strerror or error}); put it there and give it to the service's user"
        ) from error
    word = lines[0].strip() if lines else ""
    if len(word) < WORD_CHARACTERS_MIN:
        raise CertificateError(
            f"{name} has {len(word)} characters on its first line; write at least {WORD_CHARACTERS_MIN}"
        )
    return word


class Door:
    """Who may come in. Times are given in; those named ``wall_s`` are seconds since 1970, for the pass's age alone."""

    def __init__(self, word: str) -> None:
        self._word = word.encode()
        self._tries: OrderedDict[str, list[int]] = OrderedDict()
        self.refused = 0

    def fits(self, word: str) -> bool:
        """Whether this is the word, found out in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(hashlib.sha256(word.encode()).digest(), hashlib.sha256(self._word).digest())

    def make_pass(self, wall_s: int) -> str:
        """What a browser keeps instead of the word."""
        until = str(wall_s + PASS_S)
        return f"{until}.{self._sign(until)}"

    def takes_pass(self, given: str, wall_s: int) -> bool:
        """Whether this is a pass of ours that has not run out."""
        until, _, signature = given.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(until).encode()):
            return False
        return wall_s < int(until) <= wall_s + PASS_S  # ours, so it is a number

    def may_try(self, address: str, now_ms: int) -> bool:
        """Whether this address may try a word now, which then counts as a try until ``forgive``."""
        tries = [at_ms for at_ms in self._tries.pop(address, []) if now_ms - at_ms < 60_000]
        self._tries[address] = tries
        if len(self._tries) > ADDRESSES_MAX:
            self._tries.popitem(last=False)
        if len(tries) >= TRIES_A_MINUTE:
            self.refused += 1
            return False
        tries.append(now_ms)
        return True

    def forgive(self, address: str) -> None:
        """The word was right: what this address tried before counts no more."""
        self._tries.pop(address, None)

    def _sign(self, until: str) -> str:
        return hmac.new(self._word, b"gatepost teacher page " + until.encode(), hashlib.sha256).hexdigest()
