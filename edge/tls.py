"""How gate and centre judge who stands at the other end of an encrypted line: in one way, on every Python."""

from __future__ import annotations

import ssl


def client_context() -> ssl.SSLContext:
    """TLS 1.2 or later, the chain and the host name checked, nobody trusted yet.

    From Python 3.13 on ``ssl.create_default_context`` asks more of certificates: an authority of ``openssl req -x509``,
    which has no key usage, would be refused from the day on which the system is upgraded.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
