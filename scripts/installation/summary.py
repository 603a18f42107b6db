"""The end of an installation: what is started, whether it works, and what to do next, on one screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from installation import settings, units
from installation.machine import Machine, StepError, names, say

GATEPOST = "/opt/gatepost/current/bin/gatepost"
MISTAKES_MAX = 5


def start(machine: Machine, tables: Mapping[str, Any], ready: bool, *, browser: bool, start: bool) -> list[str]:
    """Enable what these settings need, and start it; the services that were started.

    An open alarm is never interrupted: then the old version runs on until the next start.
    """
    services = units.services_for(tables, browser=browser)
    machine.run("systemctl", "enable", "--quiet", *services, units.UPDATE)
    code, told = machine.ask(GATEPOST, "config", "check", settings.PATH)
    if ready and code not in (0, 127):
        say("      not started, the settings cannot be used yet:")
        for line in told.splitlines()[:MISTAKES_MAX]:
            say(f"      {line}")
        return []
    if not (start and ready and machine.boots()):
        return []
    if _alarm_is_open(machine):
        say("      not restarted: an alarm is open at this gate; when it is over: systemctl restart gatepost")
        return []
    machine.run("systemctl", "reset-failed", *services)
    machine.run("systemctl", "restart", *services)
    return services


def show(machine: Machine, tables: Mapping[str, Any], *, started: list[str], reboot: bool, missing: list[str]) -> None:
    """What works and what to do next."""
    say("")
    if machine.boots():
        _doctor(machine)
    say("What is running: " + (names(started) or "nothing yet"))
    todo = []
    if not tables:
        todo.append(f"write {settings.PATH}; gatepost config check {settings.PATH}; systemctl restart gatepost")
    todo += [f"put {file} in its place (the settings name it), then run this again" for file in missing]
    if reboot:
        todo.append("start the Pi anew: sudo reboot")
    todo.append("who may look without sudo: sudo usermod -aG gatepost-view NAME; act: gatepost-control")
    todo.append("press the button; gatepost watch shows how far the alarm gets")
    say("What to do next:")
    for number, line in enumerate(todo, 1):
        say(f"  {number}. {line}")


def _doctor(machine: Machine) -> None:
    """Its own words, where this version has it."""
    if machine.ask(GATEPOST, "doctor", "--help")[0] != 0:
        return
    try:
        machine.run(GATEPOST, "doctor", "--config", settings.PATH, quiet=False)
    except StepError:
        say("gatepost doctor found something: see above.")


def _alarm_is_open(machine: Machine) -> bool:
    code, told = machine.ask(GATEPOST, "status", "--json")
    try:
        return bool(code in (0, 1) and json.loads(told)["incident"]["ids"])
    except (ValueError, KeyError, TypeError):
        return False
