"""Whether a screen has opened its page: a browser may run and show nothing."""

from __future__ import annotations

import http.client
import time

import msgspec

from edge.errors import NotReachableError

LOOPBACK = "127.0.0.1"
LOOK_S = 2.0
"""Each look takes of the processor that is to load the page."""

ANSWER_S_MAX = 5.0


class Health(msgspec.Struct):
    """Of what ``/health`` tells, that which is asked here."""

    screens: int


def wait(port: int, seconds: float) -> None:
    """Return as soon as a students' page listens to the kiosk on ``port``. Raises NotReachableError."""
    end_s = time.monotonic() + seconds
    while True:
        said = _ask(port)
        if said == "":
            return
        if time.monotonic() >= end_s:
            raise NotReachableError(
                f"no screen has opened its page at http://{LOOPBACK}:{port}/ within {seconds:g} s ({said}):"
                " look in the journal of gatepost-browser and gatepost-kiosk"
            )
        time.sleep(LOOK_S)


def _ask(port: int) -> str:
    """Empty if a page is open, else why none can be."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", "/health")
        screens = msgspec.json.decode(connection.getresponse().read(), type=Health).screens
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        return f"gatepost-kiosk does not answer: {error}"
    finally:
        connection.close()
    return "" if screens else "gatepost-kiosk waits for it"
