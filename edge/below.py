"""What comes from the centre, or from whoever says so: bytes on a topic become a fact, or are refused with a reason.

Whether a window is opened too late, or twice, or in an alarm is for the brain to say.
"""

from __future__ import annotations

from edge import wire
from edge.chain import Kind, WindowClosed, WindowOpened
from edge.events import CentreStatus, ReceiptCame
from edge.trust import Trust

Below = CentreStatus | WindowClosed | WindowOpened | ReceiptCame
"""All that anybody out there can make happen at a gate. None of it disarms, mutes or delays the button."""


def read(
    topic: str, payload: bytes, *, retained: bool, address: wire.Address, broker: int, now_ms: int, trust: Trust
) -> Below:
    """What a message means. Raises WireError, whose reason is a counter's key. Any thread."""
    if topic == address.centre_status:
        # Retained, and said by the broker where the centre is lost, so no signature could make it new. It lights a
        # lamp and tells what is owed to go again; nothing waits for it.
        return CentreStatus(broker, wire.decode_centre_word(payload).listening, now_ms)
    if retained:
        raise wire.WireError("retained", topic[:200])
    if topic == address.commands:
        asked, proved = trust.command(topic, payload, now_ms)
        if asked.command == "close_window":
            return WindowClosed(asked.nonce, asked.by, now_ms)
        expires_wall_ms = None if proved else asked.expires_wall_ms
        return WindowOpened(asked.nonce, Kind(asked.kind), asked.by, asked.for_ms, expires_wall_ms, now_ms)
    if topic != address.receipts:
        raise wire.WireError("topic", topic[:200])
    id, stage, receipt = trust.receipt(topic, payload, now_ms)
    return ReceiptCame(id, stage, receipt.by, receipt.centre_wall_ms, now_ms)
