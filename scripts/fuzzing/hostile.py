"""Bytes that parsers trip over, by name: seeds, for a fuzzer finds none of them in millions of inputs."""

from __future__ import annotations

from collections.abc import Mapping

DEEP = 2_000
"""Brackets nested so deep raise RecursionError in most readers, and not ValueError."""

_BIG = b"9" * 4_000

HOSTILE: Mapping[str, bytes] = {
    "nothing": b"",
    "one brace": b"{",
    "one zero byte": b"\0",
    "zero bytes": b"\0" * 512,
    "all ones": b"\xff" * 512,
    "lists nested deeply": b"[" * DEEP + b"]" * DEEP,
    "lists nested deeply and never closed": b"[" * DEEP,
    "objects nested deeply": b'{"body":' * DEEP + b"1" + b"}" * DEEP,
    "a body nested deeply": b'{"schema":1,"body":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "an unknown field nested deeply": b'{"schema":1,"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "tables nested deeply": b"a = " + b"[" * DEEP + b"]" * DEEP,
    "inline tables nested deeply": b"a = " + b"{b = " * DEEP + b"1" + b"}" * DEEP,
    # More would be slow: tomllib takes four times as long for twice as many. Only the gate's owner writes its settings.
    "a dotted key of 500 parts": b".".join([b"a"] * 500) + b" = 1",
    "a key twice": b'{"schema":1,"schema":2,"id":"00000000000000aa-1","id":"x"}',
    "a table twice": b"[gate]\n[gate]\n",
    "the ask twice": b'{"ask":"status","ask":"press","hold_ms":1}',
    "not a number": b'{"schema":NaN,"object_celsius":NaN}',
    "not a number for the sensor": b'{"ask":"see","object_celsius":NaN,"ambient_celsius":1}',
    "infinity": b'{"schema":Infinity,"faces":-Infinity}',
    "not a number in TOML": b"[thermometer]\nsupply_volts = nan\noffset_celsius = -inf\n",
    "a number of 4,000 digits": b'{"schema":' + _BIG + b"}",
    "a number of 5,000 digits in TOML": b"[button]\nkey_gpio = " + b"9" * 5_000,
    "a hexadecimal number in TOML": b"[button]\nkey_gpio = 0x" + b"f" * 5_000,
    "a date that is none": b"[gate]\ncounty = 2026-02-31T25:61:61Z\n",
    "an exponent": b'{"schema":1e999999999,"distance_cm":1e400}',
    "minus zero": b'{"schema":-0,"counter":-0.0}',
    "a number beyond 64 bits": b'{"schema":18446744073709551616,"monotonic_ms":-9223372036854775809}',
    "a counter beyond 64 bits": b'{"schema":1,"id":"00000000000000aa-99999999999999999999"}',
    "bad UTF-8": b'{"schema":1,"by":"\xff\xfe\xc0\x80"}',
    "an overlong UTF-8": b'{"by":"\xf8\x88\x80\x80\x80"}',
    "a lone surrogate": b'{"schema":1,"by":"\\ud800","id":"\\udfff"}',
    "a surrogate in UTF-8": b'{"by":"\xed\xa0\x80"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"schema":1}'.encode("utf-16"),
    "a line feed at an id's end": b'{"schema":1,"id":"00000000000000aa-1\\n","nonce":"0123456789abcdef\\n"}',
    "terminal commands": b'{"schema":1,"by":"\\u001b[2J\\u001b]0;x\\u0007","ask":"reset"}',
    "SQL": b'{"id":"\' OR 1=1; DROP TABLE event;--"}',
    "a path": b'{"id":"../../etc/passwd","device":"/dev/zero"}',
    "a format": b'{"by":"%s%n{0.__class__}","ask":"reset"}',
    "a long string": b'{"by":"' + b"a" * 60_000 + b'"}',
    "many fields": b"{" + b",".join(b'"f%d":1' % number for number in range(5_000)) + b"}",
    "a long list": b"[" + b"1," * 30_000 + b"1]",
    "two objects": b'{"schema":1}{"schema":1}',
    "a comment": b'{"schema":1}// x',
    "a trailing comma": b'{"schema":1,}',
    "null": b"null",
    "a text": b'"schema"',
    "true for a number": b'{"schema":true,"hold_ms":true}',
    "a fraction for a number": b'{"schema":1.0,"hold_ms":1.5}',
    "an empty seal": b'{"schema":1,"signature":""}',
    "a seal of zeros": b'{"schema":1,"signature":"' + b"0" * 128 + b'"}',
    "a seal alone": b',"signature":"' + b"a" * 128 + b'"}',
    "two seals": b'{"schema":1' + 2 * (b',"signature":"' + b"a" * 128 + b'"') + b"}",
    "a PEM frame": b"-----BEGIN PUBLIC KEY-----\n" + b"A" * 3_000 + b"\n-----END PUBLIC KEY-----\n",
    "many PEM frames": b"-----BEGIN PUBLIC KEY-----" * 100 + b"-----END PUBLIC KEY-----" * 100,
    "a tar's head": b"manifest.json".ljust(100, b"\0") + b"0000644\0" * 3 + b"77777777777\0" * 2 + b"\0" * 376,
    "a tar of negative size": b"manifest.json".ljust(124, b"\0") + b"\xff" * 12 + b"\0" * 376,
}
