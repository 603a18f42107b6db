"""Makes the file that ``gatepost update`` takes: wheels, their list, and the county's signature under the list."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import platform
import sys
import tarfile
import tempfile
from pathlib import Path

from edge import __version__
from installation import kit
from installation.machine import StepError, say


def pack(wheels: Path, out: Path, private_key: Path, about: dict[str, object]) -> None:
    """Sign what is in ``wheels`` and write ``out``. Raises StepError for a key that cannot sign."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.read_bytes(), None)
    except (OSError, TypeError, ValueError) as error:
        raise StepError(f"{private_key} cannot be used as a private key in PEM form: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StepError(f"{private_key} is no Ed25519 key: openssl genpkey -algorithm ed25519")
    files = sorted(wheels.glob("*.whl"))
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    manifest = json.dumps({"product": "gatepost", **about, "wheels": sums}, indent=1).encode()
    with tarfile.open(out, "w") as archive:
        for name, content in (("manifest.json", manifest), ("manifest.sig", key.sign(manifest))):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for file in files:
            archive.add(file, f"wheels/{file.name}")


def main() -> int:
    """The command ``scripts/make-update``; its exit code."""
    parser = argparse.ArgumentParser(prog="make-update", description=__doc__, allow_abbrev=False)
    parser.add_argument("out", type=Path, metavar="OUT.update")
    parser.add_argument("--key", type=Path, required=True, metavar="PRIVATE.pem")
    parser.add_argument("--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}", choices=sorted(kit.GLIBC))
    parser.add_argument("--machine", default=platform.machine(), metavar="NAME")
    parser.add_argument("--extras", default="kiosk,camera", metavar="WORDS")
    options = parser.parse_args()
    extras = options.extras.split(",") if options.extras else []
    about: dict[str, object] = {
        "version": __version__, "python": options.python, "machine": options.machine, "extras": extras
    }  # fmt: skip
    try:
        with tempfile.TemporaryDirectory() as temporary:
            kit.gather(Path(temporary), options.python, options.machine, extras)
            pack(Path(temporary), options.out, options.key, about)
    except StepError as error:
        say(f"make-update: {error}")
        return 1
    say(f"{options.out}: version {__version__} for Python {options.python} on {options.machine}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
