"""The far end: stamps each press as it arrives and, for ours, answers with the receipt as a centre would."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.child import BARE_TOPIC, SCHOOL, answer, questions
from edge import wire
from edge.events import Code, Stage


def main(port: int) -> None:
    """Listen, and hand over what arrived when asked."""
    arrived: list[tuple[int, str, bytes]] = []
    # Answers go by a connection of their own. On one, the broker's word for an answer would hold the next press back
    # (Nagle there, a delayed acknowledgement here) in our rounds and never in the bare script's.
    listener, answerer = _client(port), _client(port)

    def came(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        arrived.append((time.monotonic_ns(), message.topic, message.payload))
        if message.topic != BARE_TOPIC:
            event = json.loads(message.payload)
            receipt = wire.receipt_of(event["id"], Stage.RECEIVED, "bench", None)
            gate = message.topic.rpartition("/")[0]
            answerer.publish(f"{gate}/down/receipt", wire.encode(receipt), qos=1)

    ready = threading.Event()
    listener.on_message = came
    listener.on_subscribe = lambda *_: ready.set()
    listener.subscribe([(BARE_TOPIC, 1), (f"{SCHOOL}/+/alarm", 1)])
    ready.wait()
    answerer.publish("centre/bench/status", wire.encode(wire.CentreWord(wire.SCHEMA, True, None)), qos=1, retain=True)
    answer("ready")
    for _ in questions():
        taken = arrived[:]
        del arrived[: len(taken)]
        answer([_told(at_ns, topic, json.loads(payload)) for at_ns, topic, payload in taken])


def _client(port: int) -> mqtt.Client:
    connected = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    connected.wait()
    return client


def _told(at_ns: int, topic: str, message: dict[str, Any]) -> dict[str, Any]:
    if "press" in message:
        return {"at_ns": at_ns, "bare": message["press"]}
    press = message["code"] in (Code.SILENT_PANIC, Code.AUDIBLE_PANIC)
    gate = topic.split("/")[3]
    return {"at_ns": at_ns, "gate": gate, "id": message["id"], "edge_ms": message["monotonic_ms"], "press": press}


main(int(sys.argv[1]))
