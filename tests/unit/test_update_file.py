"""What a gate believes of an update file: nothing before the county's signature, and no byte that it does not cover."""

from __future__ import annotations

import io
import json
import platform
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edge.errors import CertificateError, RefusedError
from edge.update_commands import refuse_unfit
from edge.update_file import Manifest, public_key, unpack
from installation import update as making
from installation.machine import StepError

WHEELS = {"gatepost-9.0-py3-none-any.whl": b"the program", "rich-15.0.0-py3-none-any.whl": b"x" * 3_000_000}
ABOUT: dict[str, object] = {"version": "9.0", "python": "3.11", "machine": "aarch64", "extras": ["kiosk"]}


def write_keys(directory: Path, name: str) -> tuple[Path, Path]:
    """A private and a public key file."""
    key = Ed25519PrivateKey.generate()
    private, public = directory / f"{name}.key", directory / f"{name}.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


class County:
    """Makes updates, and has the key that gates know."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.private, public = write_keys(directory, "county")
        self.key = public_key(public)
        self.wheels = directory / "made"
        self.wheels.mkdir()
        for name, content in WHEELS.items():
            (self.wheels / name).write_bytes(content)

    def update(self, **about: object) -> Path:
        out = self.directory / "gatepost.update"
        making.pack(self.wheels, out, self.private, {**ABOUT, **about})
        return out

    def changed(self, change: Callable[[dict[str, bytes]], None]) -> Path:
        """An update whose members somebody has changed on the way."""
        with tarfile.open(self.update()) as archive:
            members = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
        change(members)
        out = self.directory / "changed.update"
        with tarfile.open(out, "w") as archive:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return out


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path)


def test_a_signed_update_is_unpacked_to_the_byte(county: County, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "left.whl").write_bytes(b"of an earlier update")
    manifest = unpack(county.update(), county.key, tmp_path / "in")
    assert (manifest.version, manifest.python, manifest.extras) == ("9.0", "3.11", ("kiosk",))
    assert {file.name: file.read_bytes() for file in (tmp_path / "in").iterdir()} == WHEELS


def rename(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members[new] = members.pop(old)

    return change


def edit(name: str, edited: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members[name] = edited(members[name])

    return change


def add(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({name: b"more"})


GATEPOST, RICH = (f"wheels/{name}" for name in WHEELS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit("manifest.json", lambda text: text.replace(b'"9.0"', b'"9.1"')), "not signed with the county's key"),
        (edit("manifest.sig", lambda text: bytes(64)), "not signed with the county's key"),
        (edit("manifest.sig", lambda text: b""), "not signed with the county's key"),
        (edit(GATEPOST, lambda text: text.replace(b"program", b"PROGRAM")), "gatepost-9.0-py3-none-any.whl is damaged"),
        (edit(RICH, lambda text: text[:-1]), "rich-15.0.0-py3-none-any.whl is damaged"),
        (add("wheels/more.whl"), "'wheels/more.whl' does not belong there"),
        (add("../../etc/passwd"), "'../../etc/passwd' does not belong there"),
        (add("wheels/../../etc/passwd"), "does not belong there"),
        (rename(RICH, "wheels/sub/rich.whl"), "does not belong there"),
        (rename(RICH, RICH.replace("wheels/", "other/")), "does not belong there"),
        (lambda members: members.pop(RICH), "rich-15.0.0-py3-none-any.whl is missing"),
        (lambda members: members.pop("manifest.sig"), "manifest.sig is not where it belongs"),
        (lambda members: members.clear(), "it ends too early"),
    ],
)
def test_what_the_county_did_not_sign_is_refused(
    county: County, tmp_path: Path, change: Callable[[dict[str, bytes]], Any], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        unpack(county.changed(change), county.key, tmp_path / "in" / "here")
    assert not (tmp_path / "etc").exists()


def test_another_countys_signature_is_none(county: County, tmp_path: Path) -> None:
    _, public = write_keys(tmp_path, "other")
    with pytest.raises(RefusedError, match="not signed with the county's key"):
        unpack(county.update(), public_key(public), tmp_path / "in")
    assert list((tmp_path / "in").iterdir()) == []


def test_links_are_no_wheels(county: County, tmp_path: Path) -> None:
    file = county.update()
    with tarfile.open(file, "a") as archive:
        link = tarfile.TarInfo("wheels/more.whl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(link)
    with pytest.raises(RefusedError, match="does not belong there"):
        unpack(file, county.key, tmp_path / "in")


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 1000, bytes(10240)])
def test_what_is_no_update_is_refused_in_one_line(county: County, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "what.update"
    file.write_bytes(content)
    with pytest.raises(RefusedError) as refused:
        unpack(file, county.key, tmp_path / "in")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("version", ["", "current", "../1.0", "1.0/..", "1 0", "1.0\n"])
def test_a_version_that_would_be_no_plain_directory_is_refused(county: County, tmp_path: Path, version: str) -> None:
    with pytest.raises(RefusedError, match="list is not understood"):
        unpack(county.update(version=version), county.key, tmp_path / "in")


def test_a_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("no key")
    with pytest.raises(CertificateError, match=r"update\.key_file .*k\.pem"):
        public_key(tmp_path / "k.pem")
    with pytest.raises(CertificateError, match="No such file"):
        public_key(tmp_path / "missing.pem")
    with pytest.raises(StepError, match="private key"):
        making.pack(tmp_path, tmp_path / "out", tmp_path / "k.pem", {})


def fitting(**other: str) -> Manifest:
    here = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}", "machine": platform.machine()}
    return Manifest(**{"product": "gatepost", "version": "1.2.0", "extras": (), "wheels": {}, **here, **other})  # type: ignore[arg-type]


def test_an_update_for_another_machine_or_an_older_one_is_refused() -> None:
    refuse_unfit(fitting(), "1.1.9")
    refuse_unfit(fitting(), "1.2.0+abcdef12")
    for other, current in [
        ({"python": "3.9"}, "1.0"),
        ({"machine": "riscv64"}, "1.0"),
        ({"version": "1.9.0"}, "1.10.0"),
    ]:
        with pytest.raises(RefusedError):
            refuse_unfit(fitting(**other), current)


def test_the_list_can_be_read_by_a_person(county: County) -> None:
    with tarfile.open(county.update()) as archive:
        member = archive.extractfile("manifest.json")
        assert member is not None
        assert json.loads(member.read())["version"] == "9.0"
