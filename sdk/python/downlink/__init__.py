"""Send messages from your server to its browsers, through Downlink.

    import downlink

    client = downlink.Client()                 # DOWNLINK_URL, DOWNLINK_API_KEY
    channel = client.create_channel("ada")     # channel.token goes into the page
    client.send("ada", "hello")                # and this arrives there

`AsyncClient` has the same calls for asyncio. `verify_notice` tells Downlink's presence notices from
forged ones; `sign_token` makes tokens without a call.
"""

from downlink._version import __version__
from downlink.async_client import AsyncClient
from downlink.client import Client
from downlink.errors import (
    DownlinkError,
    EmptyMessage,
    IdempotencyConflict,
    InvalidApiKey,
    InvalidClientId,
    InvalidCursor,
    InvalidDuration,
    InvalidMessage,
    InvalidNotice,
    InvalidUtf8,
    MessageTooLarge,
    Unavailable,
)
from downlink.models import (
    Channel,
    ChannelState,
    FailedTarget,
    Gap,
    Item,
    ItemError,
    ItemResult,
    Message,
    MessagesPage,
    Notice,
    Sent,
    SentToMany,
)
from downlink.notices import verify_notice
from downlink.tokens import sign_token
from downlink.web import notice_from_asgi, notice_from_wsgi

__all__ = [
    "AsyncClient",
    "Channel",
    "ChannelState",
    "Client",
    "DownlinkError",
    "EmptyMessage",
    "FailedTarget",
    "Gap",
    "IdempotencyConflict",
    "InvalidApiKey",
    "InvalidClientId",
    "InvalidCursor",
    "InvalidDuration",
    "InvalidMessage",
    "InvalidNotice",
    "InvalidUtf8",
    "Item",
    "ItemError",
    "ItemResult",
    "Message",
    "MessageTooLarge",
    "MessagesPage",
    "Notice",
    "Sent",
    "SentToMany",
    "Unavailable",
    "__version__",
    "notice_from_asgi",
    "notice_from_wsgi",
    "sign_token",
    "verify_notice",
]
