"""Makes the Debian package: the offline kit, and the few lines by which dpkg runs the installer that is in it."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from edge import __version__
from installation import kit
from installation.machine import StepError, say

ARCHITECTURES = {"aarch64": "arm64", "armv7l": "armhf", "x86_64": "amd64"}
PLACE = "/usr/share/gatepost"

CONTROL = """\
Package: gatepost
Version: {version}
Architecture: {architecture}
Maintainer: gatepost <gatepost@localhost>
Section: misc
Priority: optional
Depends: python3 (>= {python}), python3 (<< {next}~), python3-venv, python3-systemd, ca-certificates, openssl, systemd
Recommends: python3-lgpio, python3-gpiozero, i2c-tools, systemd-timesyncd | time-daemon
Suggests: python3-picamera2, python3-opencv, cage, seatd, chromium, fonts-noto-cjk
Description: alarm at the school gate
 One button, a durable store, the county centre, and a lamp that tells the truth.
 Settings belong in /etc/gatepost/gatepost.toml; options of the installer, such as
 --yes to change the boot configuration, in /etc/gatepost/install-options.
"""

AFTER = f"""\
#!/bin/sh
# Runs the installer that this package carries. Without settings nothing is started yet.
set -e
[ "$1" = configure ] || exit 0
options=$(cat /etc/gatepost/install-options 2>/dev/null || true)
# shellcheck disable=SC2086 # a list of words
{PLACE}/scripts/install --no-apt --wheels {PLACE}/wheels $options </dev/null
"""

BEFORE_REMOVAL = f"""\
#!/bin/sh
# An upgrade keeps the old version running until the new one is whole.
set -e
[ "$1" = remove ] || exit 0
{PLACE}/scripts/uninstall --yes
"""

AFTER_REMOVAL = """\
#!/bin/sh
# purge: what the gate recorded, its settings and its keys go as well.
set -e
[ "$1" = purge ] || exit 0
rm -rf /var/lib/gatepost /etc/gatepost
for account in gatepost gatepost-camera gatepost-kiosk gatepost-browser; do userdel "$account" 2>/dev/null || true; done
for group in gatepost-view gatepost-control; do groupdel "$group" 2>/dev/null || true; done
"""


def lay_out(directory: Path, python: str, machine: str) -> None:
    """The package's tree, but for the wheels. Raises StepError for a machine that Debian has no name for."""
    if machine not in ARCHITECTURES:
        raise StepError(f"--machine {machine}: {', '.join(ARCHITECTURES)} are what Debian packages can be made for")
    kit.carry(directory / PLACE.lstrip("/"))
    major, minor = python.split(".")
    about = directory / "DEBIAN"
    about.mkdir()
    (about / "control").write_text(CONTROL.format(
        version=__version__, architecture=ARCHITECTURES[machine], python=python, next=f"{major}.{int(minor) + 1}"
    ))  # fmt: skip
    for name, text in (("postinst", AFTER), ("prerm", BEFORE_REMOVAL), ("postrm", AFTER_REMOVAL)):
        (about / name).write_text(text)
        (about / name).chmod(0o755)


def pack(directory: Path, package: Path) -> None:
    """Build the package. Raises StepError."""
    # Whatever the umask of whoever builds: what root runs from it only root may change.
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(directory), str(package)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StepError(f"dpkg-deb cannot be run: {error.strerror}; install dpkg") from error
    if done.returncode != 0:
        raise StepError(f"dpkg-deb failed: {done.stderr.strip()}")


def main() -> int:
    """The command ``scripts/build-deb``; its exit code."""
    parser = argparse.ArgumentParser(prog="build-deb", description=__doc__, allow_abbrev=False)
    parser.add_argument("package", type=Path, nargs="?", metavar="OUT.deb")
    parser.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}", choices=sorted(kit.GLIBC))
    parser.add_argument("--machine", default=platform.machine(), choices=sorted(ARCHITECTURES))
    parser.add_argument("--extras", default="kiosk,camera", metavar="WORDS")
    options = parser.parse_args()
    named = f"gatepost_{__version__}_py{options.python}_{ARCHITECTURES[options.machine]}.deb"
    package = Path(named) if options.package is None else options.package
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "tree"
        directory.mkdir()
        try:
            lay_out(directory, options.python, options.machine)
            wheels = directory / PLACE.lstrip("/") / "wheels"
            kit.gather(wheels, options.python, options.machine, options.extras.split(","))
            pack(directory, package)
        except StepError as error:
            say(f"build-deb: {error}")
            return 1
    say(f"{package}: {package.stat().st_size // 1_000_000} MB. On the gate: apt install ./{package.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
