"""Sets one number in a settings file and leaves every other letter as it is. Pure.

A library that keeps comments (tomlkit) puts a new key behind the comments that belong to the next table. So the line
is set here, and ``tomllib`` then says whether the file means the same as before, but for this one key.
"""

from __future__ import annotations

import re
import tomllib

from edge.errors import SettingsError

_HEADING = re.compile(r"\s*\[\s*(?P<name>[A-Za-z0-9_-]+)\s*\]\s*(#.*)?")


def with_number(text: str, table: str, key: str, number: float, comment: str, after: str) -> str:
    """The text with ``key = number  # comment`` in ``[table]``: in its old place, else below the key ``after``.

    Raises SettingsError where that would change anything else, as in a file whose table is written on one line.
    """
    place = _place(text, table, key, after)
    mistake = SettingsError([f"{table}.{key}: no place for it was found; write into [{table}]: {key} = {number:.2f}"])
    if place is None:
        raise mistake
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if "\r\n" in text else "\n"
    line = f"{key} = {number:.2f}  # {' '.join(comment.split())}{ending}"
    if _is_key(lines[place], key):
        lines[place] = line
    else:
        lines[place] = lines[place].rstrip("\r\n") + ending
        lines.insert(place + 1, line)
    changed = "".join(lines)
    if not _differs_only(text, changed, table, key, float(f"{number:.2f}")):
        raise mistake
    return changed


def _place(text: str, table: str, key: str, after: str) -> int | None:
    """The number of the line that has ``key``, else of the one that has ``after``."""
    within, found = "", None
    for number, line in enumerate(text.splitlines()):
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            within = heading["name"]
        elif line.lstrip().startswith("["):
            within = ""
        elif within == table and _is_key(line, key):
            return number
        elif within == table and _is_key(line, after):
            found = number
    return found


def _is_key(line: str, key: str) -> bool:
    return re.match(rf"\s*{re.escape(key)}\s*=", line) is not None


def _differs_only(before: str, after: str, table: str, key: str, number: float) -> bool:
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        return False
    old.setdefault(table, {})[key] = number
    return old == new
