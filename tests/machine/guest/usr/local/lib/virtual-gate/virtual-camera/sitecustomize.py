"""Lets picamera2 drive libcamera's virtual camera, which has no raw picture and wants its own memory for pictures.

Put before a program by PYTHONPATH. picamera2 itself and all of gatepost stay as they are on a Pi.
"""

import mmap

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


usual, Picamera2.__init__ = Picamera2.__init__, opened
Picamera2._get_raw_modes = lambda _: [{"format": "NV12", "size": (640, 480)}]
