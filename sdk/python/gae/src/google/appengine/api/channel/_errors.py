"""The old API's exceptions, and which of the service's codes each stands for."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Error(Exception):
    """Base of this module's exceptions."""


class InvalidChannelClientIdError(Error):
    """The client id is not text, empty, or over 256 bytes of UTF-8."""


class InvalidChannelTokenDurationError(Error):
    """The duration is not a whole number of minutes from 1 to 1440."""


class InvalidMessageError(Error):
    """The message is not text, empty, or over 32767 bytes of UTF-8."""


class AppIdAliasRequired(Error):
    """App ids with a domain once needed an alias. Never raised by Downlink's service."""


class ServiceCode(IntEnum):
    """What the old service answered."""

    INTERNAL_ERROR = 1
    INVALID_CHANNEL_KEY = 2
    BAD_MESSAGE = 3
    INVALID_CHANNEL_TOKEN_DURATION = 4
    APPID_ALIAS_REQUIRED = 5


# The old library left `INVALID_CHANNEL_TOKEN_DURATION` out, so applications see it raw.
_EXCEPTIONS: dict[ServiceCode, type[Error]] = {
    ServiceCode.INVALID_CHANNEL_KEY: InvalidChannelClientIdError,
    ServiceCode.BAD_MESSAGE: InvalidMessageError,
    ServiceCode.APPID_ALIAS_REQUIRED: AppIdAliasRequired,
}


def exception_for(code: ServiceCode, detail: str) -> Exception:
    """The exception of a service code; those without one are raw application errors."""
    kind = _EXCEPTIONS.get(code)
    if kind is not None:
        return kind(detail)
    error: Exception = _application_error_class()(int(code), detail)
    return error


class ApplicationError(Exception):
    """What ``apiproxy_errors.ApplicationError`` was, where Google's package is not installed."""

    def __init__(self, application_error: int, error_detail: str = "") -> None:
        super().__init__(application_error, error_detail)
        self.application_error = application_error
        self.error_detail = error_detail

    def __str__(self) -> str:
        return f"ApplicationError: {self.application_error} {self.error_detail}"


def _application_error_class() -> Any:
    # Google's own class where it is there: applications name it in `except`. Looked up when
    # needed, so that importing this module does not import Google's package.
    try:
        from google.appengine.runtime.apiproxy_errors import (  # noqa: PLC0415
            ApplicationError as GooglesApplicationError,
        )
    except ImportError:
        return ApplicationError
    return GooglesApplicationError
