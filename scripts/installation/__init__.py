"""Puts gatepost on a machine, and takes it off again. Uses nothing but Python itself: nothing else is there yet."""
