"""The README followed on a Debian that has nothing yet: its two commands bring all that they need, or fail here.

Each run has a new tree, with this machine's kernel and network. No systemd runs in it, and nobody logs in.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from virtual.packages import install_on_host
from virtual.places import PROJECT, alone, cache, why_not
from virtual.steps import BuildError, run
from virtual.tree import debian_tree

SUITES = ("trixie", "bookworm")
NEWCOMERS = ("apt", "ca-certificates", "e2fsprogs", "git")
"""What somebody has whose machine boots, and who could clone the project."""

AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
CHECKOUT = "root/gatepost"
ENTER = """
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/run"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
exec chroot "$@"
"""
"""In a name space of its own: mounts and processes are gone with the command, however it ends."""


def main() -> int:
    """Do it; the exit code is 0 where both commands end well."""
    parser = argparse.ArgumentParser(
        prog="scripts/fresh", description="The README's two commands, on a Debian that has nothing yet."
    )
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("words", nargs=argparse.REMAINDER, help="given on to scripts/test")
    options = parser.parse_args()
    reason = why_not("a bare Debian")
    if reason is not None:
        print(f"scripts/fresh: {reason}", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="fresh-") as directory:
            root = Path(directory) / "root"
            _make(root, options.suite)
            codes = [_do(root, *words) for words in (("scripts/demo", "--once"), ("scripts/test", *options.words))]
    except BuildError as error:
        print(f"scripts/fresh: {error}", file=sys.stderr)
        return 1
    return int(any(codes))


def _make(root: Path, suite: str) -> None:
    install_on_host("mmdebstrap", "debian-archive-keyring", "git")
    with alone("fresh.lock"):
        debian_tree(f"fresh-{suite}", suite, NEWCOMERS)
        run("cp", "--archive", cache() / f"fresh-{suite}", root)
    for file in ("etc/resolv.conf", AUTHORITIES):  # a proxy's authority among them
        shutil.copyfile(f"/{file}", root / file)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")  # every installation of Debian writes it
    quiet = root / "usr/sbin/policy-rc.d"  # invoke-rc.d(8): no service is started where nothing could end it
    quiet.write_text("#!/bin/sh\nexit 101\n")
    quiet.chmod(0o755)
    run("git", "clone", "--quiet", PROJECT, root / CHECKOUT)


def _do(root: Path, *words: str) -> int:
    print(f"$ {' '.join(words)}", flush=True)
    pip = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_")]
    inside = ["env", "-i", "HOME=/root", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *pip]
    went = ["sh", "-c", f'cd /{CHECKOUT} && exec "$@"', "sh", *words]
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", ENTER, "sh", str(root)]
    code = subprocess.run([*command, *inside, *went], check=False).returncode
    print(f"$ {' '.join(words)}: exit code {code}", flush=True)
    return code


sys.exit(main())
