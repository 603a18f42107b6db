"""The real camera process: OpenCV on the kernel's simulated camera, picamera2 on libcamera's virtual one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.camera.drawn import STANDS_CM, Person, scene
from edge.camera_words import CAMERA_SOCKET, Faces, decode_said
from tests.machine.gate import PROGRAMS, VirtualGate
from tests.process.centre import is_trouble
from tests.process.gate import Table

pytestmark = [pytest.mark.machine, pytest.mark.long]

PICTURES = 6
NO_DETECTOR = "0" * 64
"""No model has this checksum. A look for faces takes 1.5 s here, beside other work too long for the camera's watch."""

FACE = "/usr/share/libcamera/pipeline/virtual/face.jpg"
LISTENER = f"""
import os, socket
listening = socket.socket(socket.AF_UNIX)
os.makedirs("/run/gatepost", exist_ok=True)
listening.bind("/run/gatepost/{CAMERA_SOCKET}")
os.chmod("/run/gatepost/{CAMERA_SOCKET}", 0o666)
listening.listen()
for line in listening.accept()[0].makefile():
    if "faces" in line:
        print(line)
        break
"""

BARS = ((255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 0, 0), (0, 0, 0), (255, 255, 255), (0, 255, 255))
"""Blue, green, red of each."""

COLOUR_STEPS_MAX = 16


def begin(gate: VirtualGate) -> None:
    gate.machine.run("modprobe vivid n_devs=1 node_types=0x1 && until [ -e /dev/video0 ]; do sleep 0.1; done")
    start(gate, {"source": "opencv", "device": "0"})


def begin_picamera2(gate: VirtualGate) -> None:
    """Gate and camera, on libcamera's own."""
    lay_virtual_camera(gate)
    start(gate, {"source": "picamera2"})


def lay_virtual_camera(gate: VirtualGate) -> None:
    """picamera2 finds the heap of a Pi, and libcamera's camera instead of the Pi's own."""
    unit = "/run/systemd/system/gatepost-camera.service.d"
    gate.machine.run(f"ln -s system /dev/dma_heap/linux,cma && mkdir -p {unit}")
    gate.machine.put(f"{unit}/virtual.conf", f"[Service]\nEnvironment=PYTHONPATH={PROGRAMS}/virtual-camera\n")
    gate.machine.run("systemctl daemon-reload")


def start(gate: VirtualGate, source: Table) -> None:
    """Gate and camera, and the pictures from before the next press."""
    gate.start(camera={**source, "frames_a_second": 2, "alarm_pictures": True, "model_sha256": NO_DETECTOR})
    gate.machine.run("systemctl start gatepost-camera", 180)
    gate.machine.run("sleep 5")


def pictures_of_a_press(gate: VirtualGate) -> list[dict[str, Any]]:
    """Press; the events of its pictures, which came after the alarm."""
    gate.press()
    gate.wait_presses(1)
    rows = gate.centre.wait_for(lambda rows: sum(row["event"]["topic"] == "picture" for row in rows) >= PICTURES, 120)
    topics = [row["event"]["topic"] for row in rows]
    assert topics.index("alarm") < topics.index("picture")
    return [row["event"] for row in rows if row["event"]["topic"] == "picture"]


def test_a_press_is_followed_by_its_pictures_and_waits_for_none(gate: VirtualGate) -> None:
    begin(gate)
    pictures_of_a_press(gate)


def test_picamera2_takes_the_pictures_of_a_press_in_their_colours(gate: VirtualGate) -> None:
    """libcamera's camera shows bars, and gives them in another format than picamera2 was asked for."""
    begin_picamera2(gate)
    for event in pictures_of_a_press(gate):
        seen = cv2.imdecode(np.frombuffer(base64.b64decode(event["body"]["jpeg_base64"]), np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        middle = seen[seen.shape[0] // 2].astype(int)
        for colour in BARS:
            assert np.abs(middle - colour).max(axis=1).min() < COLOUR_STEPS_MAX, f"no {colour} in {event['id']}"
    print(gate.machine.run("systemctl show -p MemoryPeak gatepost-camera"))  # noqa: T201
    told = {qualifier: losses(gate.centre.events(), qualifier) for qualifier in (1, 3)}
    gate.machine.run("systemctl kill -s KILL gatepost-camera")
    for qualifier, before in told.items():
        gate.centre.wait_for(lambda rows, of=qualifier, before=before: losses(rows, of) > before, 180)


def test_picamera2_and_the_network_find_the_face_before_the_camera(gate: VirtualGate) -> None:
    """Somebody drawn. The test listens in the daemon's place, for which a look of 1.5 s ago would be no news."""
    gate.machine.put(FACE, cv2.imencode(".jpg", scene([Person(STANDS_CM)]))[1].tobytes())
    shown = f's|test_pattern: "bars"|frames: {{ path: "{FACE}" }}|'
    gate.machine.run(f"sed -i '{shown}' {Path(FACE).parent}/virtual.yaml")
    lay_virtual_camera(gate)
    gate.start(camera={"source": "picamera2", "frames_a_second": 2})
    gate.machine.run("systemctl stop gatepost")
    gate.machine.put("/run/listener.py", LISTENER)
    gate.machine.run("systemctl start --no-block gatepost-camera")
    seen = decode_said(gate.machine.run("timeout 170 python3 /run/listener.py", 180).strip().encode())
    assert isinstance(seen, Faces)
    assert (seen.faces, seen.centred, seen.distance_cm) == (1, True, pytest.approx(STANDS_CM, abs=5))


def losses(rows: list[dict[str, Any]], qualifier: int) -> int:
    """How often the camera's loss (1), or its return (3), was told: a slow start is told as a loss as well."""
    return sum(is_trouble(row, "camera_lost", qualifier) for row in rows)


def test_a_camera_that_is_unplugged_is_told_and_so_is_its_return(gate: VirtualGate) -> None:
    begin(gate)
    gate.machine.run("v4l2-ctl -d /dev/video0 --set-ctrl disconnect=1; modprobe -r vivid; true")
    gate.wait_trouble("camera_lost", seconds=120)
    gate.press()
    gate.wait_presses(1)
    gate.machine.run("modprobe -r vivid; modprobe vivid n_devs=1 node_types=0x1")
    gate.wait_trouble("camera_lost", 3, 180)
