"""The settings file: what is read from it, and how a mistake in it is told."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec import inspect

from edge import settings
from edge.errors import SettingsError
from edge.settings import Settings, load, parse
from edge.tables import allowed_values, table_of

CONFIG = Path(__file__).parents[2] / "config"

PLAIN = """
[gate]
county = "county"
school = "school"
gate = "main"
[button]
key_gpio = 17
[lamps]
status_gpio = 22
fault_gpio = 23
[[broker]]
name = "one"
host = "broker.example.org"
tls = false
"""


def mistakes_in(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(text, "gate.toml")
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    assert all("\n" not in line for line in caught.value.mistakes)
    return caught.value.mistakes


def only_mistake_in(text: str) -> str:
    lines = mistakes_in(text)
    assert len(lines) == 1, lines
    return lines[0]


def test_the_least_file_is_read_and_the_rest_is_default() -> None:
    read = parse(PLAIN, "gate.toml")
    assert (read.gate.county, read.button.key_gpio, read.lamps.fault_gpio) == ("county", 17, 23)
    assert read.broker[0].port == 8883
    assert read.button.confirm_ms == 10
    assert read.reset is None
    assert read.siren is None
    assert read.uplink == settings.UplinkSettings()


def test_a_value_out_of_range_names_file_key_given_and_allowed_with_its_unit() -> None:
    line = only_mistake_in(PLAIN.replace("key_gpio = 17", "key_gpio = 17\nconfirm_ms = 41"))
    assert line == "gate.toml: button.confirm_ms: given 41; allowed: a whole number from 0 to 40 ms"


@pytest.mark.parametrize("given", ["0", "40"])
def test_the_ends_of_a_range_are_allowed(given: str) -> None:
    read = parse(PLAIN.replace("key_gpio = 17", f"key_gpio = 17\nconfirm_ms = {given}"), "gate.toml")
    assert read.button.confirm_ms == int(given)


@pytest.mark.parametrize("given", ["true", '"10"', "10.0", "[10]", "{ ms = 10 }", "1979-05-27", "-1", "nan"])
def test_a_value_of_another_kind_is_never_converted(given: str) -> None:
    line = only_mistake_in(PLAIN.replace("key_gpio = 17", f"key_gpio = 17\nconfirm_ms = {given}"))
    assert line.startswith("gate.toml: button.confirm_ms: given ")


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    line = only_mistake_in(PLAIN.replace("key_gpio = 17", "key_gpio = 17\nconfirm-msec = 5"))
    assert line.startswith("gate.toml: button.confirm-msec: given an unknown key; allowed: key_gpio, ")
    assert line.endswith("; did you mean 'confirm_ms'?")


def test_an_unknown_table_is_refused_with_the_nearest_known_one() -> None:
    line = only_mistake_in(PLAIN + "[uplinks]\nprobe_s = 5\n")
    assert line.startswith("gate.toml: uplinks: given an unknown table; allowed: gate, ")
    assert line.endswith("; did you mean 'uplink'?")


def test_a_key_above_its_heading_is_told_its_table() -> None:
    assert only_mistake_in("probe_s = 5\n" + PLAIN).endswith("; did you mean 'uplink.probe_s'?")


def test_an_unknown_word_is_refused_with_the_nearest_known_one() -> None:
    line = only_mistake_in(PLAIN + '[siren]\nrelay_gpio = 24\nmode = "audable"\n')
    assert line == "gate.toml: siren.mode: given 'audable'; allowed: 'audible' or 'silent'; did you mean 'audible'?"


def test_the_value_of_an_unknown_key_is_not_repeated() -> None:
    """It may be a password put into the settings by mistake."""
    line = only_mistake_in(PLAIN.replace("tls = false", 'tls = false\npassword = "secret-word"'))
    assert "secret-word" not in line
    assert "did you mean 'password_file'?" in line


def test_missing_keys_and_tables_are_named_with_what_they_are_for() -> None:
    lines = mistakes_in('[gate]\ncounty = "county"\nschool = "school"\n[button]\n[lamps]\nstatus_gpio = 1\n')
    assert [line.partition(": given nothing; allowed: ")[0] for line in lines] == [
        "gate.toml: gate.gate",
        "gate.toml: button.key_gpio",
        "gate.toml: lamps.fault_gpio",
        "gate.toml: broker",
    ]
    assert lines[1].endswith("a whole number from 0 to 27 (GPIO number) - the panic button's contact to ground")
    assert lines[3].endswith("1 to 4 tables, each headed [[broker]] - One broker")


def test_an_empty_file_misses_every_required_table() -> None:
    assert [line.split(": ")[1] for line in mistakes_in("")] == ["gate", "button", "lamps", "broker"]


def test_every_mistake_is_told_at_once() -> None:
    """One of each kind, in one file, each with its own line."""
    text = """
    colour = "red"
    [gate]
    county = "County"
    school = "school"
    [button]
    key_gpio = 99
    confirm_ms = "10"
    [lamps]
    status_gpio = 22
    fault_gpio = 22
    [[broker]]
    name = "one"
    host = "mqtt://broker"
    port = 0
    tls = 1
    [[broker]]
    name = "one"
    host = "b"
    tls = false
    username = "gate"
    """
    assert [line.split(": ")[1] for line in mistakes_in(text)] == [
        "colour",
        "gate.county",
        "gate.gate",
        "button.key_gpio",
        "button.confirm_ms",
        "broker[1].host",
        "broker[1].port",
        "broker[1].tls",
        "lamps.fault_gpio",
        "broker[2].password_file",
        "broker[2].name",
    ]


def test_one_gpio_can_not_have_two_uses() -> None:
    line = only_mistake_in(PLAIN + "[reset]\nkey_gpio = 17\n")
    assert line == (
        "gate.toml: reset.key_gpio: given 17; allowed: a GPIO number that no other key has (button.key_gpio has 17)"
    )


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ("tls = true", "ca_file"),
        ('tls = true\nca_file = "/ca"\ncertificate_file = "/c"', "private_key_file"),
        ('tls = true\nca_file = "/ca"\nprivate_key_file = "/k"', "certificate_file"),
        ('tls = false\nusername = "gate"', "password_file"),
        ('tls = false\npassword_file = "/p"', "username"),
    ],
)
def test_keys_of_a_broker_that_belong_together_are_asked_for(keys: str, missing: str) -> None:
    assert only_mistake_in(PLAIN.replace("tls = false", keys)).startswith(
        f"gate.toml: broker[1].{missing}: given nothing; allowed: "
    )


def test_encryption_is_not_given_files_that_it_would_not_use() -> None:
    line = only_mistake_in(PLAIN.replace("tls = false", 'tls = false\nca_file = "/ca"'))
    assert line == "gate.toml: broker[1].ca_file: given '/ca'; allowed: only together with tls = true"


def test_a_key_that_is_wrong_in_itself_is_not_called_missing_too() -> None:
    assert "ca_file: given 5" in only_mistake_in(PLAIN.replace("tls = false", "tls = true\nca_file = 5"))


def test_an_audible_siren_needs_its_relay() -> None:
    assert only_mistake_in(PLAIN + '[siren]\nmode = "audible"\n').startswith(
        "gate.toml: siren.relay_gpio: given nothing"
    )


def test_the_event_log_may_not_lie_where_systemd_empties() -> None:
    text = PLAIN.replace("[button]", 'state_directory = "/run/gatepost/log"\n[button]')
    assert only_mistake_in(text).startswith("gate.toml: gate.state_directory: given '/run/gatepost/log'")


def test_more_than_four_brokers_are_refused() -> None:
    more = "".join(f'[[broker]]\nname = "b{n}"\nhost = "b"\ntls = false\n' for n in range(4))
    assert "broker: given 5 tables; allowed: 1 to 4 tables" in only_mistake_in(PLAIN + more)


@pytest.mark.parametrize("other", ["button = 5", "button = []", "broker = []", "broker = 5", "[broker]\nname = 'one'"])
def test_a_table_given_as_something_else_is_one_line(other: str) -> None:
    name = "button" if "button" in other else "broker"
    lines = [line for line in mistakes_in(other) if line.startswith(f"gate.toml: {name}: ")]
    assert len(lines) == 1


@pytest.mark.parametrize("name", ["Main", "", "-a", "a b", "a/b", "a+", "x" * 41, "tor\\n", "门"])
def test_a_name_that_could_not_stand_in_a_topic_is_refused(name: str) -> None:
    assert "gate.gate: given " in only_mistake_in(PLAIN.replace('gate = "main"', f'gate = "{name}"'))


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1", "::1", "fe80::1%eth0", "mqtt-1.example.org"])
def test_host_names_and_addresses_are_taken(host: str) -> None:
    assert parse(PLAIN.replace("broker.example.org", host), "gate.toml").broker[0].host == host


@pytest.mark.parametrize("host", ["", "mqtt://a", "a:1883", "10.0.0.1:1883", "a b", "a/b", "x" * 254])
def test_a_host_with_scheme_or_port_is_refused(host: str) -> None:
    assert "broker[1].host: given " in only_mistake_in(PLAIN.replace("broker.example.org", host))


def test_broken_toml_is_one_line_with_its_number() -> None:
    assert only_mistake_in("[gate]\ncounty = county\n") == (
        "gate.toml: line 2, column 10: Invalid value; correct the TOML there"
    )
    assert only_mistake_in('[gate]\n\ncounty = "\n').startswith("gate.toml: line 3, ")
    assert only_mistake_in("[gate]\ncounty =").startswith("gate.toml: line 2, the last: ")
    assert "nested too deeply" in only_mistake_in("a = " + "[" * 5000)


def test_a_hostile_key_stays_on_its_line() -> None:
    assert "did you mean" not in only_mistake_in('"a\\nb\\u001b[31m" = 1\n' + PLAIN)
    assert "\x1b" not in only_mistake_in('"a\\nb\\u001b[31m" = 1\n' + PLAIN)


def test_relative_paths_are_taken_from_the_files_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PLAIN.replace("tls = false", 'ca_file = "keys/ca.pem"').replace(
        "[button]", 'state_directory = "s"\n[button]'
    )
    (tmp_path / "gate.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    read = load("gate.toml")
    assert read.broker[0].ca_file == str(tmp_path / "keys/ca.pem")
    assert read.gate.state_directory == str(tmp_path / "s")
    assert read.gate.runtime_directory == "/run/gatepost"
    assert parse(text, "gate.toml").broker[0].ca_file == "keys/ca.pem"


def test_a_file_saved_by_another_editor_is_read(tmp_path: Path) -> None:
    """With a byte order mark and carriage returns, as on Windows."""
    (tmp_path / "gate.toml").write_bytes(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert load(tmp_path / "gate.toml").gate.gate == "main"


def test_a_file_that_can_not_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"[gate]\ncounty = '\xff'\n")
    for path, words in [
        (tmp_path / "none.toml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (Path("/dev/zero"), "too long"),
        (tmp_path / "bytes.toml", "line 2: not UTF-8 text"),
        ("a\0b", "cannot be read: embedded null byte"),
    ]:
        with pytest.raises(SettingsError, match=words) as caught:
            load(path)
        assert len(caught.value.mistakes) == 1
        assert caught.value.mistakes[0].startswith(str(path))
        assert caught.value.exit_code == 3


@pytest.mark.parametrize("file", sorted(CONFIG.glob("*.toml")), ids=lambda file: file.name)
def test_every_file_in_config_loads(file: Path) -> None:
    assert load(file).gate.gate == "main"


def test_the_teachers_page_is_not_opened_to_the_school_without_a_word() -> None:
    table = '[kiosk]\npolice_telephone = "110"\nteacher_host = "192.0.2.10"\n'
    assert only_mistake_in(PLAIN + table).startswith("gate.toml: kiosk.teacher_token_file: given nothing")
    assert parse(PLAIN + table + 'teacher_token_file = "word"\n', "gate.toml").kiosk is not None


def test_two_sensors_on_one_bus_have_two_addresses() -> None:
    table = '[thermometer]\npart = "DCI"\ni2c_address = 73\nreference_address = 73\n'
    assert parse(PLAIN + table, "gate.toml").thermometer is not None
    mistake = only_mistake_in(PLAIN + table + 'reference = "room"\n')
    assert mistake.startswith("gate.toml: thermometer.reference_address: given 73")


@pytest.mark.parametrize("presence", ["thermopile", "both", "camera"])
def test_a_black_body_is_refused_where_no_camera_alone_tells_that_somebody_is_there(presence: str) -> None:
    table = f'[thermometer]\npart = "DCI"\nreference = "black_body"\npresence = "{presence}"\n'
    mistake = only_mistake_in(PLAIN + table)
    assert mistake.startswith("gate.toml: thermometer.reference: given 'black_body'")
    if presence == "camera":
        assert parse(PLAIN + table + "[camera]\n", "gate.toml").thermometer is not None
    else:
        assert only_mistake_in(PLAIN + table + "[camera]\n") == mistake


def test_there_is_one_file_for_each_wiring() -> None:
    plain, supervised = load(CONFIG / "plain-button.toml"), load(CONFIG / "supervised-button.toml")
    assert (plain.button.normally_closed_gpio, plain.reset, plain.siren) == (None, None, None)
    assert supervised.button.normally_closed_gpio is not None
    assert supervised.reset is not None
    assert supervised.siren is not None


class TestTheCommentedFile:
    """config/gatepost.toml is the reference: nothing is missing from it and nothing in it is untrue."""

    text = (CONFIG / "gatepost.toml").read_text()
    uncommented = re.sub(r"^# (?=\w+ = |\[)", "", text, flags=re.MULTILINE)
    document = tomllib.loads(uncommented)

    def test_it_has_every_key_with_its_default(self) -> None:
        for table in msgspec.structs.fields(Settings):
            struct = table_of(table)
            assert struct is not None
            given = self.document[table.name]
            for key in msgspec.structs.fields(struct):
                value = (given[0] if isinstance(given, list) else given)[key.name]
                if not key.required and key.default is not None:
                    default = list(key.default) if isinstance(key.default, tuple) else key.default
                    assert value == default, f"{table.name}.{key.name}"

    def test_it_still_loads_with_every_key_in_force(self) -> None:
        assert parse(self.uncommented, "gatepost.toml").siren is not None

    def test_the_comment_above_a_key_tells_its_range(self) -> None:
        for table in msgspec.structs.fields(Settings):
            struct = table_of(table)
            assert struct is not None
            body = re.split(rf"^\[+{table.name}\]+$", self.uncommented, flags=re.MULTILINE)[1].partition("\n[")[0]
            for key in msgspec.structs.fields(struct):
                comment = body.partition(f"\n{key.name} = ")[0].rpartition(" = ")[2]
                kind = inspect.type_info(key.type)
                if isinstance(kind, inspect.IntType):
                    expected = re.sub(r"^a whole number from ", "", allowed_values(key))
                    assert expected in " ".join(comment.split()), f"{table.name}.{key.name}"
                elif isinstance(kind, inspect.LiteralType):
                    assert all(f'"{word}"' in comment for word in kind.values), f"{table.name}.{key.name}"


@pytest.mark.parametrize("number", ["9" * 5_000, "0x" + "f" * 5_000])
def test_a_number_of_thousands_of_digits_is_a_mistake_like_any_other(number: str) -> None:
    with pytest.raises(SettingsError, match="correct the number"):
        parse("[button]\nkey_gpio = " + number, "gate.toml")
