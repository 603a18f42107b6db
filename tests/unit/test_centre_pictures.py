"""The pictures that followed an alarm: kept out of what is printed, saved as files for who asks."""

from __future__ import annotations

import stat
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from centre.pictures import PICTURE, save, without
from edge.camera_words import JPEG_START
from edge.errors import RefusedError, StorageError
from edge.events import Topic
from tests.unit.centre_events import BOOT, event, press

JPEG = JPEG_START + bytes(3_000)


def row(counter: int, **body: object) -> dict[str, Any]:
    """A picture's event as the desk gives it."""
    whole = event(counter, topic=Topic.PICTURE, incident=f"{BOOT}-1", body=body)
    return {"seq": counter, "event": msgspec.to_builtins(whole)}


def picture(counter: int, offset_ms: object = -1_500, jpeg: bytes = JPEG) -> dict[str, Any]:
    return row(counter, offset_ms=offset_ms, **{PICTURE: b64encode(jpeg).decode()})


def test_a_picture_is_told_by_its_size() -> None:
    told = without(picture(2))
    assert told["event"]["body"] == {"offset_ms": -1_500, "jpeg_bytes": len(JPEG)}
    assert told["seq"] == 2
    assert b64encode(JPEG[:30]) not in msgspec.json.encode(told)


def test_what_has_no_picture_is_told_as_it_came() -> None:
    plain = {"seq": 1, "event": msgspec.to_builtins(press(1))}
    assert without(plain) == plain


def test_pictures_are_saved_under_id_and_moment_for_their_owner_alone(tmp_path: Path) -> None:
    rows = [{"seq": 1, "event": msgspec.to_builtins(press(1))}, picture(2), picture(3, 500)]
    written = save(rows, tmp_path / "evidence")
    assert [file.name for file in written] == [f"{BOOT}-2_-1500ms.jpg", f"{BOOT}-3_+500ms.jpg"]
    assert [file.read_bytes() for file in written] == [JPEG, JPEG]
    assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {0o600}


def test_saving_again_changes_nothing(tmp_path: Path) -> None:
    assert save([picture(2)], tmp_path) == save([picture(2)], tmp_path)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [JPEG]


def test_a_moment_that_is_no_number_gives_no_name_to_a_file(tmp_path: Path) -> None:
    (written,) = save([picture(2, "/../../elsewhere")], tmp_path)
    assert written == tmp_path / f"{BOOT}-2_unknown.jpg"


@pytest.mark.parametrize("said", ["no base64 at all", b64encode(b"MZ" + bytes(50)).decode(), "", 7, None])
def test_what_is_no_jpeg_is_neither_saved_nor_printed(tmp_path: Path, said: object) -> None:
    with pytest.raises(RefusedError, match="no picture"):
        save([row(2, offset_ms=0, **{PICTURE: said})], tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert without(row(2, **{PICTURE: said}))["event"]["body"] == {"jpeg_bytes": 0}


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / f"{BOOT}-2_-1500ms.jpg").mkdir()
    with pytest.raises(StorageError, match="give another directory with --to"):
        save([picture(2)], tmp_path)
