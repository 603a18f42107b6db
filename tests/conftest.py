"""What holds for every test."""

from __future__ import annotations

from hypothesis import Phase, settings

# How long one example takes says how busy this machine is, and nothing about the code.
settings.register_profile("gatepost", deadline=None)
# What scripts/mutants breaks is noticed at the first example that fails; nobody wants to see the smallest one.
settings.register_profile("unshrunk", deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
settings.load_profile("gatepost")
