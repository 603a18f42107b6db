"""A card that is full, and one that has become read-only: presses arrive, the trouble is told, and its end too."""

from __future__ import annotations

import pytest

from tests.machine.gate import VirtualGate

pytestmark = pytest.mark.machine

FAULTS = {
    "full": ("cat /dev/zero >/filler; sync; true", "rm /filler"),
    # The kernel's own way out when a card fails: all file systems read-only, whoever is writing.
    "read-only": ("echo u >/proc/sysrq-trigger; until grep -q ' / ext4 ro' /proc/mounts; do sleep 0.1; done",
                  "mount -o remount,rw /"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_with_a_card_that_refuses_a_press_arrives_and_the_trouble_is_told_until_it_is_mended(
    gate: VirtualGate, fault: str
) -> None:
    breaks, mends = FAULTS[fault]
    gate.start()
    gate.machine.run(breaks)
    gate.press()
    gate.wait_presses(1)
    gate.wait_trouble("store_in_memory")
    assert gate.wait_lamp("received")["fault"], "the fault lamp says that the card remembers nothing"
    gate.machine.run(mends)
    gate.wait_trouble("store_in_memory", 3)
    gate.press()
    gate.wait_presses(2)
