"""Updates of the installed product under real systemd: taken back, kept, and gone on with after a power cut.

Each installs a whole version in the machine, which takes an emulated processor some minutes.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge import __version__
from installation import kit, update
from installation.programs import DESCRIBES, PACKAGES, PROJECT
from tests.machine.gate import HOST, SETTINGS, SYNCED_FILE, VirtualGate
from tests.unit.test_update_file import write_keys
from virtual import tree
from virtual.places import cache

pytestmark = [pytest.mark.machine, pytest.mark.long]

KEY_FILE = "/etc/gatepost/update-key.pem"
ARM_S = 30
"""An emulated processor that is busy elsewhere takes that long to start a program; a Pi gets 6 s."""

INSTALL_S_MAX = 900.0
END_S_MAX = 300.0
MISTAKE = "\nraise RuntimeError('a mistake of ours')\n"
NOT_NEEDED = ("gatepost-", "numpy-", "opencv", "pip-")


class County:
    """Signs updates. They are fetched by the guest over its network card."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._private, self.public = write_keys(directory, "county")

    def update(self, version: str, *, broken: bool = False) -> Path:
        """A signed file of this checkout under another number."""
        sources = self._directory / f"sources-{version}"
        for name in PACKAGES:
            shutil.copytree(PROJECT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in DESCRIBES:
            shutil.copy(PROJECT / name, sources / name)
        spoil(sources / "edge" / "__init__.py", f'"{__version__}"', f'"{version}"')
        # On a Pi it comes with setup.cfg's own words; this processor is none of a Pi's.
        spoil(sources / "setup.cfg", "    msgspec", "    lgpio >= 0.2.2\n    msgspec")
        if broken:
            daemon = sources / "edge" / "daemon.py"
            daemon.write_text(daemon.read_text() + MISTAKE)
        wheels = self._directory / f"wheels-{version}"
        wheels.mkdir()
        for wheel in (cache() / "wheelhouse").glob("*.whl"):
            if not wheel.name.startswith(NOT_NEEDED):
                shutil.copy(wheel, wheels)
        kit.pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(sources))
        out = self._directory / f"gatepost-{version}.update"
        about = {"version": version, "python": tree.python_version(), "machine": "x86_64", "extras": []}
        update.pack(wheels, out, self._private, about)
        return out


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@contextmanager
def carried(gate: VirtualGate, file: Path) -> Iterator[str]:
    """The file in the guest, fetched from the host."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address, path = f"http://{HOST}:{server.server_port}/{file.name}", f"/var/tmp/{file.name}"
        gate.machine.run(f"python3 -c \"import urllib.request as r; r.urlretrieve('{address}', '{path}')\"", 120)
        server.shutdown()
    yield path


@pytest.fixture
def signer(tmp_path: Path) -> County:
    return County(tmp_path)


@pytest.fixture
def updatable(gate: VirtualGate, signer: County) -> VirtualGate:
    """A gate that runs and knows the county's key."""
    gate.machine.put(KEY_FILE, signer.public.read_bytes())
    gate.start(update={"key_file": KEY_FILE, "arm_s_max": ARM_S})
    gate.machine.run("systemctl enable gatepost-update")
    return gate


def current(gate: VirtualGate) -> str:
    return gate.machine.run("readlink /opt/gatepost/current").strip()


def cut(gate: VirtualGate) -> None:
    """Pull the plug and put it back."""
    gate.machine.power_cut()
    gate.power_on()
    gate.machine.run(f"touch {SYNCED_FILE}")


def works(gate: VirtualGate) -> None:
    """A press arrives."""
    presses = len(gate.centre.presses())
    gate.press()
    gate.wait_presses(presses + 1)


def test_a_version_that_does_not_start_is_taken_back_and_the_centre_told(
    updatable: VirtualGate, signer: County
) -> None:
    before = current(updatable)
    with carried(updatable, signer.update("9.0.1", broken=True)) as file:
        code, said = updatable.machine.attempt(f"gatepost update {file} --config {SETTINGS}", INSTALL_S_MAX)
    print(said)  # noqa: T201
    assert code == 1, said
    assert f"{before} is back, 9.0.1 is not used" in said
    assert current(updatable) == before
    assert f"{before} -> 9.0.1 by root" in updatable.wait_trouble("update_undone")["event"]["body"]["detail"]
    works(updatable)


def test_a_version_whose_self_test_the_centre_confirms_is_kept(updatable: VirtualGate, signer: County) -> None:
    with carried(updatable, signer.update("9.0.2")) as file:
        said = updatable.machine.run(f"gatepost update {file} --config {SETTINGS}", INSTALL_S_MAX)
    print(said)  # noqa: T201
    assert "9.0.2 runs: the centre has confirmed a self-test" in said
    assert current(updatable) == "9.0.2"
    works(updatable)


def test_a_power_cut_while_a_version_is_installed_leaves_the_one_that_ran(
    updatable: VirtualGate, signer: County
) -> None:
    before = current(updatable)
    with carried(updatable, signer.update("9.0.3")) as file:
        updatable.machine.type(f"gatepost update {file} --config {SETTINGS}")
    updatable.machine.run("until ls /opt/gatepost/9.0.3/lib/python3*/site-packages/msgspec; do sleep 0.2; done",
                          INSTALL_S_MAX)  # fmt: skip
    cut(updatable)
    assert current(updatable) == before
    assert updatable.machine.attempt("test -e /opt/gatepost/9.0.3/complete")[0] == 1, "the cut came too late"
    updatable.wait_connected()
    works(updatable)


def test_a_power_cut_in_the_trial_ends_with_the_new_version(updatable: VirtualGate, signer: County) -> None:
    """The centre is away, so the trial lasts; the plug is pulled in its middle; then the centre is back."""
    updatable.centre.kill9()
    with carried(updatable, signer.update("9.0.4")) as file:
        updatable.machine.type(f"gatepost update {file} --config {SETTINGS}")
    updatable.machine.run('until [ "$(readlink /opt/gatepost/current)" = 9.0.4 ]; do sleep 1; done', INSTALL_S_MAX)
    updatable.wait_for(lambda view: view["armed"], END_S_MAX)
    cut(updatable)
    updatable.centre.start()
    updatable.machine.run("while [ -e /opt/gatepost/pending.json ]; do sleep 1; done", END_S_MAX)
    said = updatable.machine.run("cat /opt/gatepost/outcome.json")
    print(said)  # noqa: T201
    assert '"kept":true' in said
    assert current(updatable) == "9.0.4"
    works(updatable)
