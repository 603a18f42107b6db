"""Makes ledger_format_1.jsonl and its key: a ledger as format 1 has it. Kept to show how; it is never made again.

Run from the project's directory: ``python -m tests.golden.make_ledger_format_1``
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from edge.ledger import Note, What, line_of
from edge.ledger_key import PUBLIC_FILE
from tests.unit.ledgers import GATE, chained, key_in, ledger_of

HERE = Path(__file__).parent


def main() -> None:
    """Write ten entries, one of them unsigned, and the public key. The private one is thrown away."""
    with TemporaryDirectory() as name:
        key = key_in(Path(name))
        entries = ledger_of(key, 8)
        entries += chained(None, [Note(What.UNSIGNED, GATE, "ledger.key can be used by others")], entries[-1].head)
        entries += chained(key, [Note(What.KEY, GATE, "entries are signed again", key.public_key)], entries[-1].head)
        (HERE / "ledger_format_1.jsonl").write_bytes(b"".join(line_of(entry) + b"\n" for entry in entries))
        (HERE / "ledger_format_1.pub").write_bytes((Path(name) / PUBLIC_FILE).read_bytes())


if __name__ == "__main__":
    main()
