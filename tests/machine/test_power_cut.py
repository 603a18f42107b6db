"""Fifty power cuts at random moments while the store commits, on a card that loses and tears what is not flushed."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.machine.gate import PROGRAMS
from tests.machine.write_log import Write, card_after, entries
from tests.process.waiting import until
from virtual.machine import Machine

pytestmark = pytest.mark.machine

CUTS = 50
CARD_BYTES = 48 << 20
COMMIT_S = 6.0


class Recording(NamedTuple):
    """What the card was told, and for each durable number how long the log was when it was told."""

    empty: Path
    log: Path
    told: list[tuple[int, int]]


class Told(threading.Thread):
    """Reads the numbers that the guest tells."""

    def __init__(self, console: Path, log: Path) -> None:
        super().__init__(daemon=True)
        self.numbers: list[tuple[int, int]] = []
        self._log = log
        self._console = socket.socket(socket.AF_UNIX)
        self._console.connect(str(console))

    def run(self) -> None:
        rest = b""
        while said := self._console.recv(4096):
            *lines, rest = (rest + said).split(b"\n")
            length = self._log.stat().st_size
            self.numbers += [(int(line), length) for line in lines if line.strip().isdigit()]


def record(place: Path, synchronous: str) -> Recording:
    """Commit for a while, then pull the plug."""
    empty, card, log = place / "empty", place / "card", place / "log"
    with empty.open("wb") as file:
        file.truncate(CARD_BYTES)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0,nodiscard", str(empty)], check=True)
    subprocess.run(["cp", "--sparse=always", str(empty), str(card)], check=True)
    log.touch()
    nodes = (f"driver=file,filename={card},node-name=card", f"driver=file,filename={log},node-name=log",
             "driver=blklogwrites,node-name=logged,file=card,log=log,log-sector-size=512")  # fmt: skip
    more = [word for node in nodes for word in ("-blockdev", node)]
    more += ["-chardev", f"socket,id=told,path={place}/told,server=on,wait=off", "-device", "virtconsole,chardev=told"]
    with Machine(place, disks=["node:logged"], more=more) as machine:
        machine.power_on()
        machine.run("mkdir -p /run/card && mount -t ext4 /dev/vdb /run/card && stty -F /dev/hvc1 raw -echo")
        told = Told(place / "told", log)
        told.start()
        machine.type(f"{PROGRAMS}/commit-presses /run/card/events.db {synchronous}")
        until(lambda: len(told.numbers), lambda count: count > 3, 60)
        time.sleep(COMMIT_S)  # this long it commits: there is nothing to wait for
        machine.power_cut()
    told.join(10)
    (place / "root.qcow2").unlink()
    return Recording(empty, log, told.numbers)


def cut(recording: Recording, cards: Path, seed: int) -> list[int]:
    """Fifty cards one after the other in a file; for each the last number that was told durable before its cut."""
    dice = random.Random(seed)
    writes = list(entries(recording.log))
    begun = next(length for number, length in recording.told if number >= 2)
    moments = [number for number, write in enumerate(writes) if write.logged_at >= begun]
    with cards.open("wb") as file:
        file.truncate(CUTS * CARD_BYTES)
    promised, lost, torn = [], 0, 0
    for card in range(CUTS):
        moment = dice.choice(moments)
        subprocess.run(
            ["dd", "status=none", "conv=notrunc,sparse", "bs=1M", f"if={recording.empty}", f"of={cards}",
             f"seek={card * (CARD_BYTES >> 20)}"], check=True,
        )  # fmt: skip
        done = card_after(recording.log, writes[:moment], dice, cards, card * CARD_BYTES)
        lost, torn = lost + done[0], torn + done[1]
        promised.append(promised_before(recording, writes[moment]))
    print(f"{len(recording.told)} commits, {CUTS} cuts: {lost} writes lost, {torn} torn")  # noqa: T201
    assert lost > 0, "a card that loses nothing shows nothing"
    assert torn > 0
    return promised


def promised_before(recording: Recording, write: Write) -> int:
    """The newest number that was told while the log did not yet hold this write."""
    return max((number for number, length in recording.told if length <= write.logged_at), default=0)


def look(place: Path, cards: Path) -> list[dict[str, object]]:
    """What the store finds on each card, in one further boot."""
    with Machine(place, disks=[str(cards)]) as machine:
        machine.power_on()
        said = machine.run(f"modprobe loop; {PROGRAMS}/check-cards /dev/vdb {CUTS} {CARD_BYTES}", 400)
    return [json.loads(line) for line in said.splitlines()]


def after_cuts(place: Path, synchronous: str) -> tuple[list[int], list[dict[str, object]]]:
    """Record, cut fifty times, and look."""
    recording = record(place, synchronous)
    promised = cut(recording, place / "cards", 1)
    return promised, look(place, place / "cards")


@pytest.mark.usefixtures("booted")
def test_fifty_power_cuts_lose_no_press_that_was_called_stored_and_damage_no_store(place: Path) -> None:
    promised, found = after_cuts(place, "full")
    assert [card for card in found if not card["opened"]] == []
    assert {card["fsck"] for card in found} == {0}
    assert [(last, card) for last, card in zip(promised, found, strict=True) if int(str(card["last"])) < last] == []


@pytest.mark.usefixtures("booted")
def test_the_same_cuts_find_a_store_that_does_not_wait_for_the_card(place: Path) -> None:
    """The control: with synchronous=NORMAL the very same judge must find lost presses."""
    promised, found = after_cuts(place, "normal")
    lost = [last - int(str(card["last"])) for last, card in zip(promised, found, strict=True)]
    print(f"lost presses by cut: {sorted(lost)}")  # noqa: T201
    assert max(lost) > 0
