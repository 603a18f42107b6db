"""The bare script: what anybody would write with gpiozero and paho. It stores nothing and hears no answer."""

from __future__ import annotations

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt
from gpiozero import Button
from gpiozero.pins.mock import MockFactory
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.child import BARE_TOPIC, answer, press_often, questions


def main(port: int) -> None:
    """Publish each press at once; press our own pin when asked."""
    factory = MockFactory()
    button = Button(17, pin_factory=factory)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    connected.wait()
    number = 0

    def pressed() -> None:
        nonlocal number
        number += 1
        client.publish(BARE_TOPIC, json.dumps({"press": number, "at": time.time()}), qos=1)

    button.when_pressed = pressed
    answer("ready")
    pin = factory.pin(17)
    for question in questions():
        answer(press_often(pin, question["count"], question["seed"], question["every_ms"]))


main(int(sys.argv[1]))
