"""The Channel API of App Engine, served by Downlink.

    from google.appengine.api import channel

    channelId = channel.create_channel(userId)
    channel.send_message(userId, "hello")

``DOWNLINK_URL`` (http://127.0.0.1:7171 by default) and ``DOWNLINK_API_KEY`` are read at the first
call. What is new, such as `downlink.Client.send_many`, is in the package `downlink`.
"""

from google.appengine.api.channel.channel import (
    MAXIMUM_CLIENT_ID_LENGTH,
    MAXIMUM_MESSAGE_LENGTH,
    MAXIMUM_TOKEN_DURATION_MINUTES,
    AppIdAliasRequired,
    Error,
    InvalidChannelClientIdError,
    InvalidChannelTokenDurationError,
    InvalidMessageError,
    create_channel,
    send_message,
)

__all__ = [
    "MAXIMUM_CLIENT_ID_LENGTH",
    "MAXIMUM_MESSAGE_LENGTH",
    "MAXIMUM_TOKEN_DURATION_MINUTES",
    "AppIdAliasRequired",
    "Error",
    "InvalidChannelClientIdError",
    "InvalidChannelTokenDurationError",
    "InvalidMessageError",
    "create_channel",
    "send_message",
]
