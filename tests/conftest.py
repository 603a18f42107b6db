"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says how busy this machine is, and nothing about the code.
settings.register_profile("gatepost", deadline=None)
settings.load_profile("gatepost")
