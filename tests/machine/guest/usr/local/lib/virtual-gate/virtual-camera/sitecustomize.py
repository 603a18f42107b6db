"""Lets picamera2 drive libcamera's virtual camera: no raw picture, no pace, and its own memory for pictures.

Put before a program by PYTHONPATH. picamera2 itself and all of gatepost stay as they are on a Pi.
"""

import mmap
import time

from picamera2 import Picamera2
from picamera2.allocators import LibcameraAllocator


class Mapped:
    """Both planes of a picture, in one piece of memory. picamera2 maps what is said to be used of it: nothing."""

    def __init__(self, _, buffer, __):
        self._planes = buffer.planes

    def __enter__(self):
        self._memory = mmap.mmap(self._planes[0].fd, sum(plane.length for plane in self._planes))
        return self._memory

    def __exit__(self, *_):
        self._memory.close()

    def get_buffer(self):
        return self._memory


def opened(self, *words, **named):
    usual(self, *words, **named)
    self.allocator = LibcameraAllocator(self.camera)
    self.allocator.sync = Mapped


def paced(self, display):
    """A real camera gives as many pictures a second as were asked for; this one has the next ready at once."""
    time.sleep(max(0, getattr(self, "due_s", 0) - time.monotonic()))
    self.due_s = time.monotonic() + 1 / self.camera_config["controls"]["FrameRate"]
    at_once(self, display)


usual, Picamera2.__init__ = Picamera2.__init__, opened
Picamera2._get_raw_modes = lambda _: [{"format": "NV12", "size": (640, 480)}]
at_once, Picamera2.process_requests = Picamera2.process_requests, paced
