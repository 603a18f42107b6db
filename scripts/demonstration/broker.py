"""A broker for this machine alone: mosquitto where it is installed, else the pure-Python amqtt."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

AMQTT_SETTINGS = """\
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


def broker_command(port: int, directory: Path) -> tuple[str, list[str]]:
    """What people call the broker that can be had here, and how it is started."""
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto:
        return "mosquitto", [mosquitto, "-p", str(port)]
    return "amqtt (mosquitto is not installed)", amqtt_command(port, directory)


def amqtt_command(port: int, directory: Path) -> list[str]:
    """How amqtt is started on the loopback address; its settings are written into ``directory``."""
    settings = directory / f"amqtt-{port}.yaml"
    settings.write_text(AMQTT_SETTINGS.format(port=port), encoding="utf-8")
    return [str(Path(sys.executable).with_name("amqtt")), "-c", str(settings)]
