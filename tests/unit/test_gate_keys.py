"""The gates' keys on record at the centre: added, replaced, withdrawn, and never a reason to believe too much."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from centre.cli import app
from centre.gate_keys import GateKeys
from edge.errors import CertificateError, RefusedError, StorageError
from edge.ledger_key import PublicKey, fingerprint, pem_of
from tests.unit.signers import key

NAME = "county-1/school-1/gate-1"


def pem(seed: int) -> bytes:
    return pem_of(PublicKey(key(seed).public_key))


def on_record(keys: GateKeys) -> list[str] | None:
    found = keys.of(NAME)
    return None if found is None else [one.public_key for one in found]


@pytest.fixture
def keys(tmp_path) -> GateKeys:
    return GateKeys(tmp_path / "keys")


def test_a_key_that_was_added_is_found_and_kept(keys, tmp_path):
    assert on_record(keys) is None
    keys.add(NAME, pem(5).decode())
    assert on_record(keys) == on_record(GateKeys(tmp_path / "keys")) == [key(5).public_key]
    assert keys.names() == [NAME]
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_the_old_key_stays_valid_beside_the_new_one_and_the_one_before_goes(keys):
    for seed in (5, 6, 7):
        keys.add(NAME, pem(seed))
    assert on_record(keys) == [key(7).public_key, key(6).public_key]
    keys.add(NAME, pem(6))
    assert on_record(keys) == [key(6).public_key, key(7).public_key]


def test_a_running_centre_notices_what_another_process_added(keys, tmp_path):
    assert on_record(keys) is None
    GateKeys(tmp_path / "keys").add(NAME, pem(5))
    assert on_record(keys) == [key(5).public_key]
    GateKeys(tmp_path / "keys").add(NAME, pem(6))
    assert on_record(keys) == [key(6).public_key, key(5).public_key]


def test_nothing_verifies_for_a_gate_whose_key_was_withdrawn_until_it_gets_a_new_one(keys):
    keys.add(NAME, pem(5))
    keys.withdraw(NAME)
    assert on_record(keys) == []
    keys.add(NAME, pem(6))
    assert on_record(keys) == [key(6).public_key]


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"\xff\xfe", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"]
)
def test_a_damaged_file_lets_nothing_through(keys, tmp_path, content):
    keys.add(NAME, pem(5))
    (tmp_path / "keys" / "county-1.school-1.gate-1.pem").write_bytes(content)
    assert on_record(keys) == []


@pytest.mark.parametrize(
    "name", ["", "gate-1", "a/b", "a/b/c/d", "../../x", "a/b/..", "A/b/c", "a/b/c\n", "a/b/" + "c" * 41]
)
def test_a_name_that_is_no_gates_is_refused(keys, name):
    with pytest.raises(RefusedError):
        keys.add(name, pem(5))
    assert keys.of(name) is None


def test_what_is_no_ed25519_key_is_refused(keys):
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = generate_private_key(SECP256R1()).public_key()
    other = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for one in (other, b"", b"x" * 10):
        with pytest.raises(CertificateError):
            keys.add(NAME, one)
    assert on_record(keys) is None


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="give the directory"):
        GateKeys(tmp_path / "file" / "keys").add(NAME, pem(5))


def test_a_key_is_put_on_record_listed_and_withdrawn_at_the_command_line(tmp_path):
    file = tmp_path / "ledger.pub"
    file.write_bytes(pem(5))
    runner, database = CliRunner(), ["--database", str(tmp_path / "centre.db")]

    def command(*words: str) -> str:
        done = runner.invoke(app, ["key", *words, *database])
        assert done.exit_code == 0, done.output
        return done.output

    short = fingerprint(key(5).public_key)
    assert short in command("add", NAME, str(file))
    assert command("list").splitlines() == [f"{NAME}: {short}"]
    assert json.loads(command("list", "--json")) == {NAME: [short]}
    command("withdraw", NAME)
    assert command("list").splitlines() == [f"{NAME}: withdrawn"]
    assert isinstance(runner.invoke(app, ["key", "add", NAME, "nowhere", *database]).exception, StorageError)
