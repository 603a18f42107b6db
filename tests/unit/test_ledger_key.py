"""The gate's key: made once, seen by nobody else, and explained when it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from edge.errors import CertificateError
from edge.ledger_key import (
    CREDENTIALS_VARIABLE,
    KEY_FILE,
    PUBLIC_FILE,
    PublicKey,
    fingerprint,
    load_or_make,
    load_or_make_at,
    pem_of,
    public_key_of,
    public_keys_of,
)
from tests.unit.ledgers import mode_of

RFC_8032_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
RFC_8032_SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
    "655141438e7a100b"
)


def test_the_first_start_makes_a_key_that_only_its_owner_can_read_and_later_ones_find_it(tmp_path: Path) -> None:
    made = load_or_make(tmp_path)
    assert mode_of(tmp_path / KEY_FILE) == 0o600
    assert mode_of(tmp_path / PUBLIC_FILE) == 0o644
    assert load_or_make(tmp_path).public_key == made.public_key
    assert sorted(file.name for file in tmp_path.iterdir()) == [KEY_FILE, PUBLIC_FILE]


def test_what_the_key_signs_its_public_half_knows_from_the_file_and_from_the_digits(tmp_path: Path) -> None:
    key = load_or_make(tmp_path)
    signature = key.sign(b"digest")
    for given in (str(tmp_path / PUBLIC_FILE), key.public_key, f" {key.public_key.upper()}\n"):
        public = public_key_of(given)
        assert public.is_genuine(b"digest", signature)
        assert not public.is_genuine(b"digesT", signature)
        assert not public.is_genuine(b"digest", signature.replace(signature[0], "0" if signature[0] != "0" else "1"))
        assert not public.is_genuine(b"digest", "no signature")


def test_the_signature_is_ed25519_as_rfc_8032_has_it() -> None:
    assert PublicKey(RFC_8032_PUBLIC).is_genuine(b"", RFC_8032_SIGNATURE)


def test_the_fingerprint_is_five_groups_for_the_telephone() -> None:
    assert fingerprint(RFC_8032_PUBLIC) == "21fe 31df a154 a261 626b"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o602])
def test_a_key_that_others_can_use_is_refused_with_its_mode_and_what_to_do(tmp_path: Path, mode: int) -> None:
    load_or_make(tmp_path)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(CertificateError, match=f"mode {mode:04o}.*chmod 600"):
        load_or_make(tmp_path)


def test_a_key_from_systemd_comes_first_and_its_access_list_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials, state = tmp_path / "credentials", tmp_path / "state"
    for directory in (credentials, state):
        directory.mkdir()
    given = load_or_make(credentials)
    (credentials / KEY_FILE).chmod(0o440)
    monkeypatch.setenv(CREDENTIALS_VARIABLE, str(credentials))
    assert load_or_make(state).public_key == given.public_key
    assert not (state / KEY_FILE).exists()
    (credentials / KEY_FILE).chmod(0o444)
    with pytest.raises(CertificateError, match="used by others"):
        load_or_make(state)


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_told_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    """A new key in its place would make the whole ledger look forged."""
    (tmp_path / KEY_FILE).write_bytes(content)
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(CertificateError, match="put the key back"):
        load_or_make(tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_a_key_of_another_kind_is_told(tmp_path: Path) -> None:
    secret = generate_private_key(SECP256R1())
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / KEY_FILE).write_bytes(secret.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none))
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(CertificateError, match="no Ed25519 key"):
        load_or_make(tmp_path)
    public = secret.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "other.pub").write_bytes(public)
    with pytest.raises(CertificateError, match="no Ed25519 key"):
        public_key_of(str(tmp_path / "other.pub"))


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="cannot be made: No such file"):
        load_or_make(tmp_path / "nowhere")


def test_a_key_that_cannot_even_be_looked_at_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CertificateError, match=r"ledger key .*cannot be looked at: Not a directory; mend the card"):
        load_or_make(tmp_path / "file")


def test_a_key_that_is_a_directory_cannot_be_read_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir(mode=0o700)
    with pytest.raises(CertificateError, match=r"may not be read \(Is a directory\)"):
        load_or_make(tmp_path)


def test_a_public_key_that_cannot_be_written_beside_it_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / PUBLIC_FILE).mkdir()
    made = load_or_make(tmp_path)
    assert load_or_make(tmp_path).public_key == made.public_key


def test_a_public_key_that_was_changed_beside_it_is_written_anew_and_else_left_alone(tmp_path: Path) -> None:
    made = load_or_make(tmp_path)
    public = tmp_path / PUBLIC_FILE
    public.write_text("something else")
    load_or_make(tmp_path)
    assert public_key_of(str(public)).public_key == made.public_key
    public.chmod(0o600)
    load_or_make(tmp_path)
    assert mode_of(public) == 0o600


def test_no_more_of_a_file_is_read_than_a_key_can_be_long(tmp_path: Path) -> None:
    made = load_or_make(tmp_path)
    text = (tmp_path / PUBLIC_FILE).read_bytes()
    (tmp_path / "long.pub").write_bytes(b"#" * (4_096 - len(text)) + text)
    assert [one.public_key for one in public_keys_of(tmp_path / "long.pub")] == [made.public_key]
    (tmp_path / "long.pub").write_bytes(b"#" * (4_097 - len(text.rstrip())) + text)
    with pytest.raises(CertificateError, match=r"long\.pub holds no PEM public key"):
        public_keys_of(tmp_path / "long.pub")


def test_every_key_of_a_file_is_read_and_goes_back_into_its_form(tmp_path: Path) -> None:
    keys = [load_or_make_at(tmp_path / f"{n}.key", tmp_path / f"{n}.pub", "centre's key") for n in (1, 2)]
    both = tmp_path / "both.pub"
    both.write_bytes(b"".join((tmp_path / f"{n}.pub").read_bytes() for n in (1, 2)))
    found = public_keys_of(both)
    assert [one.public_key for one in found] == [one.public_key for one in keys]
    assert b"".join(pem_of(one) for one in found) == both.read_bytes()


def test_a_key_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "centre.key").write_text("rubbish")
    (tmp_path / "centre.key").chmod(0o600)
    with pytest.raises(CertificateError, match=r"^centre's key "):
        load_or_make_at(tmp_path / "centre.key", tmp_path / "centre.pub", "centre's key")


def test_a_power_cut_while_the_key_was_made_leaves_no_half_a_key(tmp_path: Path) -> None:
    (tmp_path / f"{KEY_FILE}.new").write_bytes(b"half")
    key = load_or_make(tmp_path)
    assert load_or_make(tmp_path).public_key == key.public_key


@pytest.mark.parametrize("given", ["", "abcd", "xyz", "0" * 63, "no/such/file.pem"])
def test_what_is_neither_a_file_nor_a_key_is_told(given: str) -> None:
    with pytest.raises(CertificateError, match="64 hexadecimal digits"):
        public_key_of(given)


def test_a_file_without_a_public_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.pub").write_text("hello")
    with pytest.raises(CertificateError, match="no PEM public key"):
        public_key_of(str(tmp_path / "x.pub"))
