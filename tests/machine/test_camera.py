"""OpenCV on the kernel's simulated camera, through the real camera process: pictures of an alarm, and a pulled plug."""

from __future__ import annotations

import pytest

from tests.machine.gate import VirtualGate

pytestmark = [pytest.mark.machine, pytest.mark.long]

PICTURES = 6
NO_DETECTOR = "0" * 64
"""No model has this checksum. An emulated processor needs more than 15 s for one picture's look for faces."""


def begin(gate: VirtualGate) -> None:
    gate.machine.run("modprobe vivid n_devs=1 node_types=0x1 && until [ -e /dev/video0 ]; do sleep 0.1; done")
    gate.start(camera={"source": "opencv", "device": "0", "frames_a_second": 2, "alarm_pictures": True,
                       "model_sha256": NO_DETECTOR})  # fmt: skip
    gate.machine.run("systemctl start gatepost-camera", 180)


def test_a_press_is_followed_by_its_pictures_and_waits_for_none(gate: VirtualGate) -> None:
    begin(gate)
    gate.machine.run("sleep 5")  # the pictures from before the press must have been taken
    gate.press()
    gate.wait_presses(1)
    rows = gate.centre.wait_for(lambda rows: sum(row["event"]["topic"] == "picture" for row in rows) >= PICTURES, 120)
    topics = [row["event"]["topic"] for row in rows]
    assert topics.index("alarm") < topics.index("picture")


def test_a_camera_that_is_unplugged_is_told_and_so_is_its_return(gate: VirtualGate) -> None:
    begin(gate)
    gate.machine.run("v4l2-ctl -d /dev/video0 --set-ctrl disconnect=1; modprobe -r vivid; true")
    gate.wait_trouble("camera_lost", seconds=120)
    gate.press()
    gate.wait_presses(1)
    gate.machine.run("modprobe -r vivid; modprobe vivid n_devs=1 node_types=0x1")
    gate.wait_trouble("camera_lost", 3, 180)
