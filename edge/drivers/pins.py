"""The pin factory, named by the settings and never found by fallback.

gpiozero would otherwise try one back end after another with no more than a warning, and a gate whose button hangs on
the wrong one looks healthy (issues 1106 and 1130 there).
"""

from __future__ import annotations

from typing import Any

from edge.errors import DeviceError


def open_factory(name: str) -> Any:
    """The gpiozero pin factory ``lgpio`` or ``mock``. Raises DeviceError: there is no alarm without a button."""
    try:
        if name == "mock":
            from gpiozero.pins.mock import MockFactory

            return MockFactory()
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:
        raise DeviceError(
            f"pins.factory = {name!r} cannot be used: {type(error).__name__}: {error}. On a Raspberry Pi: let"
            " scripts/install bring lgpio, run in a writable directory, and let the user into group gpio."
            " Anywhere else: pins.factory = 'mock'."
        ) from error
