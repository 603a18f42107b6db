"""Who ran a command: what sshd, sudo and the kernel tell of it, on a described /proc."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.operator_identity import NAME_CHARACTERS_MAX, Operator, fingerprint_of, operator

MYSELF = pwd.getpwuid(os.geteuid()).pw_name
needs_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed here")


class Processes:
    """A /proc with a chain of processes: each is the parent of the one before."""

    def __init__(self, directory: Path, *environments: dict[str, str], loginuid: str = "4294967295") -> None:
        for number, environment in enumerate(environments, 100):
            process = directory / str(number)
            process.mkdir()
            parent = number + 1 if number - 99 < len(environments) else 1
            # A program may be called anything, brackets and spaces included.
            (process / "stat").write_text(f"{number} (odd ) name) S {parent} 0 0")
            (process / "environ").write_bytes(b"\0".join(f"{k}={v}".encode() for k, v in environment.items()))
        self.first = directory / "100"
        (self.first / "loginuid").write_text(loginuid)


def key(directory: Path, *options: str) -> tuple[str, str]:
    """A new key: the line of its public half, and its fingerprint as ssh-keygen prints it."""
    file = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file), *options], check=True)
    return (directory / "key.pub").read_text(), printed_fingerprint(directory / "key.pub")


def printed_fingerprint(file: Path) -> str:
    printed = subprocess.run(["ssh-keygen", "-l", "-f", str(file)], check=True, capture_output=True, text=True)
    return printed.stdout.split()[1]


def test_without_ssh_and_sudo_it_is_the_account_alone(tmp_path: Path) -> None:
    somebody = operator(Processes(tmp_path, {"HOME": "/"}).first, {})
    assert somebody == Operator(MYSELF, MYSELF)
    assert str(somebody) == MYSELF


@needs_keygen
def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    public, printed = key(tmp_path)
    said = tmp_path / "auth"
    said.write_text(f"password\npublickey {public}")
    somebody = operator(tmp_path / "none", {"SSH_USER_AUTH": str(said), "SSH_CONNECTION": "192.0.2.7 5 192.0.2.1 22"})
    assert somebody == Operator(MYSELF, MYSELF, printed, "192.0.2.7")
    assert str(somebody) == f"{MYSELF} from 192.0.2.7 with the key {printed}"


@needs_keygen
def test_the_fingerprint_of_a_certificate_is_that_of_the_key_in_it(tmp_path: Path) -> None:
    _, printed = key(tmp_path)
    (tmp_path / "ca").mkdir()
    key(tmp_path / "ca")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(tmp_path / "ca" / "key"), "-I", "li", str(tmp_path / "key.pub")], check=True
    )
    certificate = tmp_path / "key-cert.pub"
    assert fingerprint_of(f"publickey {certificate.read_text()}") == printed == printed_fingerprint(certificate)


@needs_keygen
def test_what_sudo_clears_is_found_at_the_parents(tmp_path: Path) -> None:
    public, printed = key(tmp_path)
    said = tmp_path / "auth"
    said.write_text(f"publickey {public}")
    shell = {"SSH_USER_AUTH": str(said), "SSH_CONNECTION": "2001:db8::7 5 2001:db8::1 22"}
    chain = Processes(tmp_path, {"SUDO_USER": "li"}, {"SUDO_USER": "li"}, shell)
    somebody = operator(chain.first, {"SUDO_USER": "li"})
    assert somebody == Operator(MYSELF, "li", printed, "2001:db8::7")
    assert str(somebody).startswith(f"li (as {MYSELF}) from 2001:db8::7")


def test_the_login_that_the_kernel_kept_outweighs_a_variable_that_anybody_can_set(tmp_path: Path) -> None:
    chain = Processes(tmp_path, {}, loginuid=str(os.geteuid()))
    assert operator(chain.first, {"SUDO_USER": "somebody-else"}).login == MYSELF


def test_an_account_that_has_no_name_is_its_number(tmp_path: Path) -> None:
    assert operator(Processes(tmp_path, {}, loginuid="4000111").first, {}).name == "uid 4000111"


@pytest.mark.parametrize(
    "said", ["", "password", "publickey", "publickey ssh-ed25519", "publickey ssh-ed25519 not/base64!", "\0\n\xff",
             "publickey ssh-ed25519-cert-v01@openssh.com AAAA"]
)  # fmt: skip
def test_words_of_sshd_that_hold_no_key_give_no_fingerprint(said: str) -> None:
    assert fingerprint_of(said) == ""


def test_a_file_that_is_gone_and_a_process_that_ended_are_no_failure(tmp_path: Path) -> None:
    chain = Processes(tmp_path, {}, {})
    (tmp_path / "101" / "environ").unlink()
    environment = {"SSH_USER_AUTH": str(tmp_path / "gone")}
    assert operator(chain.first, environment).key_fingerprint == ""


def test_a_name_can_always_stand_in_a_request(tmp_path: Path) -> None:
    somebody = operator(tmp_path / "none", {"SUDO_USER": "li\n" + 200 * "x", "SSH_CONNECTION": "\x1b[31mred"})
    assert len(somebody.name) == NAME_CHARACTERS_MAX
    assert somebody.name.isprintable()
    assert somebody.came_from.isprintable()
