"""Cuts the live session of a stolen gate at one broker.

A new list of the revoked keeps a stolen key from logging in again, but a connection that stands is not looked at. The
shipped brokers give a session to its certificate's name, and to its newest login. So the authority makes itself a
certificate of that name for some minutes and takes the place; the thief is thrown out and does not come back. Nobody
else notices.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from centre.authority import Authority
from centre.broker import Secrets, broker_of
from edge.errors import NotReachableError, RefusedError

ANSWER_S_MAX = 10.0
KEEPALIVE_S = 5


def cut(authority: Authority, name: str, url: str, watch_s: float) -> None:
    """Take the gate's place at the broker and hold it for ``watch_s``. Blocks for that long.

    Raises NotReachableError where the broker does not let us in, RefusedError where the stolen key still gets in:
    the broker then has not read the new list.
    """
    certificate, key = authority.stand_in(name)
    over, inside = threading.Event(), threading.Event()
    said: list[str] = []

    def connected(reason: ReasonCode) -> None:
        said.append(str(reason))
        if not reason.is_failure:
            inside.set()
        else:
            over.set()

    def ended(reason: ReasonCode) -> None:
        said.append(str(reason))
        over.set()

    with tempfile.TemporaryDirectory() as directory:  # ssl reads them from files only; mode 0700
        files = Path(directory, "certificate.pem"), Path(directory, "key.pem")
        files[0].write_bytes(certificate)
        files[1].write_bytes(key)
        broker = broker_of(url, Secrets(authority.certificate_file, *files))
    if broker.tls is None:
        raise RefusedError(f"--broker {url}: a certificate needs mqtts://")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(broker.tls)
    client.on_connect = lambda _c, _u, _f, reason, _p: connected(reason)
    client.on_disconnect = lambda _c, _u, _f, reason, _p: ended(reason)
    try:
        client.connect(broker.host, broker.port, KEEPALIVE_S)
    except OSError as error:
        raise NotReachableError(f"broker {broker.name}: {error}: check --broker, or restart that broker") from error
    client.loop_start()
    try:
        if not inside.wait(ANSWER_S_MAX) or over.is_set():
            why = said[-1] if said else f"no answer within {ANSWER_S_MAX:g} s"
            raise NotReachableError(f"broker {broker.name} does not let us in ({why}): restart it, that cuts everybody")
        if over.wait(watch_s):
            raise RefusedError(
                f"broker {broker.name} let the revoked {name} in again ({said[-1]}): copy {authority.revoked_file}"
                " there, reload it, and say this again"
            )
    finally:
        client.disconnect()
        client.loop_stop()
