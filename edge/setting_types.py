"""Kinds of values that several tables of the settings share, and the base of the tables."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

# ``\Z`` and not ``$``: the latter lets a line break through at the end.
Name = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z", extra={"allowed": "1 to 40 of a-z, 0-9 and '-', no '-' at the start"}),
]
Host = Annotated[
    str,
    Meta(
        max_length=253,
        pattern=r"^([A-Za-z0-9._-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?)\Z",
        extra={"allowed": "a host name, an IPv4 or an IPv6 address; no scheme and no port"},
    ),
]
Gpio = Annotated[int, Meta(ge=0, le=27)]
FilePath = Annotated[
    str, Meta(max_length=4096, pattern=r"^[^\x00]+\Z", extra={"allowed": "a path of 1 to 4096 characters"})
]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of the settings file."""
