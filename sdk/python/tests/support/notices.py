"""Signs what a test says, as Downlink signs its notices."""

from __future__ import annotations

import base64
import hmac


def sign(body: bytes, secret: str, now: float, notice_id: str = "notice_1") -> dict[str, str]:
    """The headers with which `body` is believed."""
    key = base64.b64decode(secret.partition("_")[2])
    content = f"{notice_id}.{int(now)}.".encode() + body
    digest = base64.b64encode(hmac.new(key, content, "sha256").digest()).decode()
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": f"v1,{digest}",
    }
