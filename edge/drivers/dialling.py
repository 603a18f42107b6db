"""One fresh connection to a broker, step by step, for the doctor: name, port, TLS, login, and the centre's word.

It disturbs nobody: the login has a client name of its own (two sessions of one name would throw each other out), a
clean start, no last will, and subscribes to nothing but the centre's retained word.
"""

from __future__ import annotations

import logging
import secrets
import socket
import ssl
import threading

from paho.mqtt.client import MQTTMessage

from edge import wire
from edge.credentials import tls_context
from edge.errors import CertificateError
from edge.machine import Dialled, Step
from edge.mqtt_session import Client, LastWord, dial, explain, new_client
from edge.settings import BrokerSettings

LISTENING_S_MAX = 3.0
"""A retained message comes with the subscription; a broker that has none stays silent."""


def dialled(settings: BrokerSettings, address: wire.Address, *, login: bool) -> Dialled:
    """Connect as far as it goes. Blocks for the resolver's time and ``connect_s_max`` a step. Never raises."""
    step, found, until_ms = Step.NOTHING, "", None
    try:
        known = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        step, found = Step.RESOLVED, str(known[0][4][0])
        with socket.create_connection((settings.host, settings.port), settings.connect_s_max) as plain:
            step, found = Step.CONNECTED, str(plain.getpeername()[0])
            context = tls_context(settings)
            if context is not None:
                with context.wrap_socket(plain, server_hostname=settings.host) as channel:
                    until_ms = _until_ms(channel)
                step = Step.ENCRYPTED
        if not login:
            return Dialled(step, "", found, until_ms)
        reason, listening = _log_in(settings, address)
        return Dialled(step if reason else Step.LOGGED_IN, reason, found, until_ms, listening)
    except (CertificateError, OSError) as error:
        reason = explain(error, settings) if isinstance(error, OSError) else str(error)
        return Dialled(step, reason, found, until_ms)


def _until_ms(channel: ssl.SSLSocket) -> int | None:
    shown = channel.getpeercert() or {}
    until = shown.get("notAfter")
    return round(ssl.cert_time_to_seconds(until) * 1000) if isinstance(until, str) else None


def _log_in(settings: BrokerSettings, address: wire.Address) -> tuple[str, bool | None]:
    """Why the broker does not let us in, else empty; and the centre's word. Tries MQTT 5 first where it may."""
    versions = {"5": (True,), "3.1.1": (False,)}.get(settings.protocol, (True, False))
    reason = ""
    for mqtt5 in versions:
        session = _Session(settings, address, mqtt5)
        reason = session.log_in()
        if not reason:
            return "", session.listen()
    return reason, None


class _Session:
    """One login. paho's thread calls the three callbacks; the doctor's thread all else."""

    def __init__(self, settings: BrokerSettings, address: wire.Address, mqtt5: bool) -> None:
        self._settings = settings
        self._topic = address.centre_status
        self._mqtt5 = mqtt5
        self._answered = threading.Event()
        self._heard = threading.Event()
        self._reason = ""
        self._listening: bool | None = None
        name = f"gatepost-{address.gate}-doctor-{secrets.token_hex(3)}"
        self._client: Client = new_client(name, settings, LastWord(logging.ERROR), None, mqtt5=mqtt5)
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._connected(code.is_failure, code.getName())
        self._client.on_disconnect = lambda _c, _u, _f, code, _p: self._connected(True, code.getName())
        self._client.on_message = lambda _c, _u, message: self._message(message)

    def log_in(self) -> str:
        """Empty when logged in, else why not. The connection stays open for ``listen``."""
        dial(self._client, self._settings, mqtt5=self._mqtt5)
        if not self._answered.wait(self._settings.connect_s_max):
            self._answered.set()  # what our own good-bye brings about is no answer
            self._reason = f"no answer to the login within {self._settings.connect_s_max} s"
        reason = self._reason
        if reason:
            self._client.disconnect()
        return reason

    def listen(self) -> bool | None:
        """The centre's retained word, None where there is none; then good-bye."""
        self._client.subscribe(self._topic, qos=1)
        self._heard.wait(LISTENING_S_MAX)
        self._client.disconnect()
        return self._listening

    def _connected(self, failed: bool, name: str) -> None:
        if not self._answered.is_set():
            self._reason = f"the broker refuses the login: {name}" if failed else ""
            self._answered.set()

    def _message(self, message: MQTTMessage) -> None:
        try:
            self._listening = wire.decode_centre_word(bytes(message.payload)).listening
        except wire.WireError:
            return  # not the centre's: nothing is known of it
        self._heard.set()
