"""Who runs a command: the account, the one behind sudo, the SSH key that opened the door, and where they came from.

It is a record for honest people and no proof: whoever may open ``control.sock`` can say any name there. What the
kernel vouches for is the user id of the other end, which the daemon notes by itself.

The fingerprint needs ``ExposeAuthInfo yes`` in sshd's settings: sshd then names, in ``SSH_USER_AUTH``, a file that
says how this session was let in (sshd_config(5)). sudo clears such variables, so those of the parent processes are
read as well, the nearest first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.value import Value

PROCESSES = Path("/proc")
PARENTS_MAX = 64
BYTES_MAX = 65_536
"""Of a file that is read here; the largest environment and the longest certificate are well below."""

NAME_CHARACTERS_MAX = 80
"""What the daemon takes as a name (``requests.Reset``)."""

_NO_LOGIN = 2**32 - 1  # proc(5): /proc/self/loginuid of a process that nobody's login began


class Operator(Value, frozen=True):
    """The account ``user`` runs the command, ``login`` is the one that logged in: the same, but for sudo.

    ``key_fingerprint`` is as ``ssh-keygen -l`` prints it (``SHA256:...``), ``came_from`` the address at the other end
    of the SSH connection. Both are empty where this machine does not tell.
    """

    user: str
    login: str
    key_fingerprint: str = ""
    came_from: str = ""

    @property
    def name(self) -> str:
        """One name for requests and records: 1 to 80 printable characters."""
        return _printable(self.login)

    def __str__(self) -> str:
        parts = [self.login if self.login == self.user else f"{self.login} (as {self.user})"]
        parts += [f"from {self.came_from}"] if self.came_from else []
        parts += [f"with the key {self.key_fingerprint}"] if self.key_fingerprint else []
        return " ".join(parts)


def operator(process: Path = PROCESSES / "self", environment: Mapping[str, str] = os.environ) -> Operator:
    """Whoever runs this process. ``process``: its directory in proc(5). Never raises; takes about a millisecond."""
    environments = [environment, *_parents(process)]
    user = _account(os.geteuid())
    return Operator(
        user=user,
        login=_login(process) or _first(environments, "SUDO_USER") or user,
        key_fingerprint=_fingerprint(_first(environments, "SSH_USER_AUTH")),
        came_from=_printable(_first(environments, "SSH_CONNECTION").partition(" ")[0]),
    )


def fingerprint_of(authentication: str) -> str:
    """The first public key in what sshd wrote (lines such as ``publickey ssh-ed25519 AAAA...``), else empty."""
    for line in authentication.splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] == "publickey":
            try:
                blob = _plain(words[1], base64.b64decode(words[2], validate=True))
            except (binascii.Error, ValueError):
                continue
            return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return ""


def _plain(kind: str, blob: bytes) -> bytes:
    """The key without the certificate around it: ssh-keygen's fingerprint is that of the key alone."""
    if not kind.endswith("-cert-v01@openssh.com"):
        return blob
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, ssh

    certificate = ssh.load_ssh_public_identity(kind.encode() + b" " + base64.b64encode(blob))
    if not isinstance(certificate, ssh.SSHCertificate):
        return blob
    line = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def _parents(process: Path) -> Iterator[Mapping[str, str]]:
    """The environments of the parent processes that this user may read, the nearest first."""
    for _ in range(PARENTS_MAX):
        # proc(5): the name stands in brackets and may hold anything, so the parent is counted from the last one.
        after_name = _read(process / "stat").rpartition(b")")[2].split()
        if len(after_name) < 2 or after_name[1] in (b"0", b"1"):
            return
        process = process.parent / after_name[1].decode("ascii", errors="replace")
        words = _read(process / "environ").decode(errors="replace").split("\0")
        yield dict(word.partition("=")[::2] for word in words if "=" in word)


def _login(process: Path) -> str:
    """The account whose login began this session, as the kernel's audit keeps it; a process cannot take it back."""
    digits = _read(process / "loginuid")
    if not digits.isdigit() or int(digits) == _NO_LOGIN:
        return ""
    return _account(int(digits))


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _fingerprint(file: str) -> str:
    return fingerprint_of(_read(Path(file)).decode(errors="replace")) if file else ""


def _first(environments: list[Mapping[str, str]], name: str) -> str:
    return next((found for one in environments if (found := one.get(name))), "")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:NAME_CHARACTERS_MAX]


def _read(file: Path) -> bytes:
    """What may be read of a file; nothing where it may not, or where the process has ended."""
    try:
        with file.open("rb") as stream:
            return stream.read(BYTES_MAX)
    except (OSError, ValueError):
        return b""
