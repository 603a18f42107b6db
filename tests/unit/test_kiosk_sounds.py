"""The sound files: which there are, how long they take, and a school's own."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from edge.measuring import Screen
from kiosk.sounds import OURS, SOUND_BYTES_MAX, Sounds
from kiosk.words import LANGUAGES

SPOKEN_S_MAX = 1.2
ALL_BYTES_MAX = 300_000


def seconds_of(file: Path) -> float:
    """Of an Ogg Vorbis file: the last page's position, by the rate in the first."""
    content = file.read_bytes()
    assert content[28:35] == b"\x01vorbis"
    (rate_hz,) = struct.unpack_from("<I", content, 40)
    last = content.rindex(b"OggS")
    (samples,) = struct.unpack_from("<q", content, last + 6)
    return float(samples / rate_hz)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_a_file_for_each_prompt_and_it_is_short(language: str) -> None:
    spoken = {screen.value for screen, prompt in LANGUAGES[language].prompts.items() if prompt.spoken}
    files = {file.stem: file for file in (OURS / language).iterdir()}
    assert set(files) == spoken
    for file in files.values():
        assert 0.3 <= seconds_of(file) <= SPOKEN_S_MAX, file


def test_each_state_but_idle_has_a_chime_and_no_two_are_alike() -> None:
    files = {file.stem: file.read_bytes() for file in (OURS / "chimes").iterdir()}
    assert set(files) == {screen.value for screen in Screen} - {"idle"}
    assert len(set(files.values())) == len(files)


def test_all_together_they_are_small() -> None:
    assert sum(file.stat().st_size for file in OURS.rglob("*.ogg")) <= ALL_BYTES_MAX


def test_a_chime_comes_first_and_the_voice_can_be_left_out() -> None:
    assert Sounds("zh", True, None).of(Screen.HIGH) == ["chime-high", "voice-high"]
    assert Sounds("zh", False, None).of(Screen.HIGH) == ["chime-high"]
    assert Sounds("zh", True, None).of(Screen.IDLE) == []


def test_a_schools_own_recordings_go_before_ours_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "normal.wav").write_bytes(b"ours")
    (tmp_path / "idle.mp3").write_bytes(b"welcome")
    sounds = Sounds("zh", True, tmp_path)
    assert sounds.files["voice-normal"] == tmp_path / "normal.wav"
    assert sounds.files["voice-again"] == OURS / "zh" / "again.ogg"
    assert sounds.of(Screen.IDLE) == ["voice-idle"]


def test_a_recording_that_is_too_long_or_a_directory_that_is_missing_leaves_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "normal.wav").write_bytes(b"x" * (SOUND_BYTES_MAX + 1))
    for directory in (tmp_path, tmp_path / "nothing"):
        assert Sounds("zh", True, directory).files["voice-normal"] == OURS / "zh" / "normal.ogg"
    assert len(caplog.records) == 2
