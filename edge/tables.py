"""Checks a table of settings against a struct, key by key, so that one mistake never hides another.

Knows nothing about gates. Each mistake is one line: file, key, what was given, what is allowed. The value of a key
that nobody knows is never repeated: it may be a password put in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect
from msgspec.structs import FieldInfo

NEAR = 0.6
"""How alike two words must be (0 to 1, difflib's ratio) for one to be offered as what was meant."""

SHOWN_CHARACTERS_MAX = 60

_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}")
_UNITS = {
    "ms": " ms",
    "s": " s",
    "minutes": " min",
    "days": " days",
    "cm": " cm",
    "gpio": " (GPIO number)",
    "events": " events",
    "students": " students",
    "celsius": " degrees Celsius",
    "volts": " V",
    "degrees": " degrees",
}


class Mistakes:
    """The mistakes found so far in the file called ``name``, as lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.lines: list[str] = []

    def add(self, key: str, given: str, allowed: str, near: str | None = None) -> None:
        """One more. ``near`` is the known word that was probably meant."""
        hint = "" if near is None else f"; did you mean '{near}'?"
        self.lines.append(f"{self._name}: {key}: given {given}; allowed: {allowed}{hint}")


def check(cls: type[msgspec.Struct], given: Mapping[str, object], where: str, mistakes: Mistakes) -> dict[str, Any]:
    """The good values of a table, defaults filled in; every other key becomes a mistake.

    A key that was given wrongly is absent from the result, so that rules about several keys can tell. A table within
    is a dictionary like the result, a list of tables a list of them; None stands for what was not given and has no
    default.
    """
    good: dict[str, Any] = {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    for key, value in given.items():
        if key in fields:
            _check_value(fields[key], value, dotted(where, key), good, mistakes)
        else:
            _unknown(cls, key, value, where, mistakes)
    for key, field in fields.items():
        if key not in given:
            _check_absent(field, dotted(where, key), good, mistakes)
    return good


def dotted(where: str, key: str) -> str:
    """``table.key`` as it stands in messages. A key that TOML would quote is quoted."""
    shown = key if _BARE.fullmatch(key) else shown_value(key)
    return f"{where}.{shown}" if where else shown


def shown_value(value: object) -> str:
    """A value as a person wrote it, on one line, cut when long."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"a list of {len(value)}"
        case bool():
            return str(value).lower()
        case str() | int() | float():
            text = repr(value)
        case _:
            text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else text[:SHOWN_CHARACTERS_MAX] + "..."


def allowed_values(field: FieldInfo) -> str:
    """What a key may hold, with its unit."""
    return _allowed(inspect.type_info(field.type), field.encode_name)


def purpose(field: FieldInfo) -> str:
    """What a key or table is for: its description, or the first line of its table's docstring; may be empty."""
    kind = inspect.type_info(field.type)
    if isinstance(kind, inspect.Metadata) and kind.extra_json_schema:
        return str(kind.extra_json_schema.get("description", ""))
    table = table_of(field)
    return "" if table is None else _first_sentence(table.__doc__ or "")


def table_of(field: FieldInfo) -> type[msgspec.Struct] | None:
    """The struct behind a table or a list of tables, None for a plain key."""
    kind = _bare(inspect.type_info(field.type))
    if isinstance(kind, inspect.ListType):
        kind = _bare(kind.item_type)
    return kind.cls if isinstance(kind, inspect.StructType) else None


def _check_value(field: FieldInfo, value: object, key: str, good: dict[str, Any], mistakes: Mistakes) -> None:
    table = table_of(field)
    if table is None:
        _check_plain(field, value, key, good, mistakes)
        return
    kind = _bare(inspect.type_info(field.type))
    if isinstance(kind, inspect.StructType):
        if isinstance(value, dict):
            good[field.encode_name] = check(table, value, key, mistakes)
        else:
            mistakes.add(key, shown_value(value), allowed_values(field))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        good[field.encode_name] = [check(table, item, f"{key}[{n}]", mistakes) for n, item in enumerate(value, 1)]
        if isinstance(kind, inspect.ListType) and kind.max_length is not None and len(value) > kind.max_length:
            mistakes.add(key, f"{len(value)} tables", allowed_values(field))
    else:
        mistakes.add(key, shown_value(value), allowed_values(field))


def _check_plain(field: FieldInfo, value: object, key: str, good: dict[str, Any], mistakes: Mistakes) -> None:
    try:
        good[field.encode_name] = msgspec.convert(value, field.type, strict=True)
    except msgspec.ValidationError:
        kind = _bare(inspect.type_info(field.type))
        words = [str(word) for word in kind.values] if isinstance(kind, inspect.LiteralType) else []
        mistakes.add(key, shown_value(value), allowed_values(field), _nearest(str(value), words))


def _check_absent(field: FieldInfo, key: str, good: dict[str, Any], mistakes: Mistakes) -> None:
    if not field.required:
        table = table_of(field)
        whole_table = table is not None and field.default is msgspec.NODEFAULT
        good[field.encode_name] = check(table, {}, key, mistakes) if table and whole_table else field.default
        return
    reason = purpose(field)
    mistakes.add(key, "nothing", allowed_values(field) + (f" - {reason}" if reason else ""))


def _unknown(cls: type[msgspec.Struct], key: str, value: object, where: str, mistakes: Mistakes) -> None:
    known = [field.encode_name for field in msgspec.structs.fields(cls)]
    is_table = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))
    what = "an unknown table" if is_table else "an unknown key"
    near = _nearest(key, known) or _home(cls, key)
    mistakes.add(dotted(where, key), what, _either(known), near)


def _home(cls: type[msgspec.Struct], key: str) -> str | None:
    """A key written above its table's heading: the table it belongs to."""
    for field in msgspec.structs.fields(cls):
        table = table_of(field)
        if table is not None and key in table.__struct_fields__:
            return f"{field.encode_name}.{key}"
    return None


def _nearest(word: str, known: list[str]) -> str | None:
    near = get_close_matches(word[:80].lower().replace("-", "_"), known, n=1, cutoff=NEAR)
    return near[0] if near else None


def _bare(kind: inspect.Type) -> inspect.Type:
    """The type without its description and without 'or not given'."""
    while True:
        match kind:
            case inspect.Metadata():
                kind = kind.type
            case inspect.UnionType():
                kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
            case _:
                return kind


def _allowed(kind: inspect.Type, name: str) -> str:
    match kind:
        case inspect.Metadata(extra={"allowed": str(text)}):
            return text
        case inspect.Metadata():
            return _allowed(kind.type, name)
        case inspect.UnionType():
            return _allowed(next(each for each in kind.types if not isinstance(each, inspect.NoneType)), name)
        case inspect.IntType():
            return f"a whole number from {kind.ge} to {kind.le}{_unit(name)}"
        case inspect.FloatType():
            return f"a number from {kind.ge:g} to {kind.le:g}{_unit(name)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return _either([repr(value) for value in kind.values])
        case inspect.StrType():
            return f"text of {kind.min_length} to {kind.max_length} characters"
        case inspect.ListType():
            return f"{kind.min_length} to {kind.max_length} tables, each headed [[{name}]]"
        case inspect.StructType():
            return f"one table headed [{name}]"
        case _:
            raise AssertionError(f"no words for what {name} allows")


def _unit(name: str) -> str:
    words = [word for word in name.split("_") if word not in ("max", "min")]
    return _UNITS.get(words[-1], "")


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _first_sentence(text: str) -> str:
    return text.strip().partition("\n")[0].partition(". ")[0].rstrip(".")
