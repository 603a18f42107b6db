"""The pictures that followed an alarm: kept out of what is printed, and saved as files for who asks for them.

What a gate sent is not trusted: a name is made of its id and its moment alone, and what is no JPEG is not saved.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from centre import files
from edge.camera_words import JPEG_START
from edge.errors import RefusedError, StorageError

PICTURE = "jpeg_base64"
"""The key in an event's body under which a picture comes."""

OWN_MODE = 0o600
"""Children may be seen on them: for who saved them alone."""


def without(row: Mapping[str, Any]) -> dict[str, Any]:
    """An event's row with the size of its picture (``jpeg_bytes``) in place of the picture."""
    body = row["event"]["body"]
    if PICTURE not in body:
        return dict(row)
    kept = {key: value for key, value in body.items() if key != PICTURE}
    return {**row, "event": {**row["event"], "body": {**kept, "jpeg_bytes": len(_jpeg(body) or b"")}}}


def save(rows: Sequence[Mapping[str, Any]], directory: Path) -> list[Path]:
    """Write the pictures among these rows to this directory, made if missing; the files, in the rows' order.

    A file is called by the picture's id and its milliseconds from the press. Raises RefusedError where there is no
    picture, StorageError where one cannot be written.
    """
    found = [(row["event"], jpeg) for row in rows if (jpeg := _jpeg(row["event"]["body"]))]
    if not found:
        raise RefusedError(
            "no picture came with this: a gate sends some only after a press, with camera.alarm_pictures = true"
        )
    files.make_directory(directory)
    written = []
    for event, jpeg in found:
        offset_ms = event["body"].get("offset_ms")
        moment = f"{offset_ms:+d}ms" if isinstance(offset_ms, int) else "unknown"
        written.append(directory / f"{event['id']}_{moment}.jpg")
        _write(written[-1], jpeg)
    return written


def _jpeg(body: Mapping[str, Any]) -> bytes | None:
    try:
        jpeg = base64.b64decode(str(body.get(PICTURE, "")), validate=True)
    except (binascii.Error, ValueError):
        return None
    return jpeg if jpeg.startswith(JPEG_START) else None


def _write(file: Path, jpeg: bytes) -> None:
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWN_MODE), "wb") as stream:
            stream.write(jpeg)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}: give another directory with --to") from error
