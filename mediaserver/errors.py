"""Every error this server raises, drawn as the tree it is.

::

    MediaServerError
    ├── ConfigError             the configuration cannot be used; the server does not start
    ├── RequestError            the caller asked for something we refuse: a 4xx, 502 or 503 in the contract's own shape
    │   ├── BadRequest          400  malformed, or a value that cannot be
    │   ├── Unauthenticated     401  no key, or one we do not know
    │   ├── Forbidden           403  a known key that may not
    │   ├── NotFound            404  no such call, model or item
    │   ├── TooSlow             408  it did not come in time
    │   ├── TooLarge            413  over a limit on bytes
    │   ├── UnsupportedMedia    415  a content type we do not read
    │   ├── EngineFailed        502  what stands behind us failed in a way that another try does not mend
    │   └── Overloaded          503  full or draining; carries ``retry_after``
    ├── MediaError              sound that cannot be decoded, encoded or carried
    │   └── UnusableSound       a file of sound that is of no use; carries a ``code``
    │       └── UnsupportedSound   it is of no kind that we read
    ├── BridgeError             the way out failed; says whether another try can help
    │   └── Unsupported         the provider cannot do this: ``unsupported_by_provider``
    └── Hangup                  the end of a call, with its reason: raised to end a session's TaskGroup
"""

from __future__ import annotations


class MediaServerError(Exception):
    """Base of everything we raise on purpose."""


class ConfigError(MediaServerError):
    """A configuration that cannot be used.

    ``path`` names the key (``media.port``), never its value: values may be secrets.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


class RequestError(MediaServerError):
    """A request we refuse; written to the caller as ``{"error": {type, code, message, param}}``.

    The same object becomes an HTTP body or an ``error`` event, see the OpenAI Realtime reference, "error".
    """

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param


class BadRequest(RequestError):
    """Malformed input, or a value that cannot be (400)."""


class Unauthenticated(RequestError):
    """No key, or one we do not know (401)."""

    status = 401
    code = "invalid_api_key"


class Forbidden(RequestError):
    """A known key that may not do this (403)."""

    status = 403
    code = "permission_denied"


class NotFound(RequestError):
    """No such call, model or item (404)."""

    status = 404
    code = "not_found"


class TooSlow(RequestError):
    """It did not come in time (408)."""

    status = 408
    code = "timeout"


class TooLarge(RequestError):
    """Over a limit on bytes (413)."""

    status = 413
    code = "too_large"


class UnsupportedMedia(RequestError):
    """A content type that this endpoint does not read (415)."""

    status = 415
    code = "unsupported_media_type"


class EngineFailed(RequestError):
    """What stands behind us failed, in a way that another try does not mend (502)."""

    status = 502
    type = "server_error"
    code = "engine_failed"


class Overloaded(RequestError):
    """Full or draining (503); ``retry_after`` is in seconds and becomes the header of that name."""

    status = 503
    type = "server_error"
    code = "overloaded"

    def __init__(self, message: str, *, retry_after: int = 5, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class MediaError(MediaServerError):
    """Sound that cannot be decoded, encoded or carried."""


class UnusableSound(MediaError):
    """A file of sound that is of no use.

    ``code`` is one of ``unsupported_format``, ``empty_file``, ``no_audio``, ``undecodable``, ``unsupported_codec``,
    ``unsupported_channels``, ``unsupported_rate``, ``too_long``, ``too_slow``, ``too_complex``. The message is a sentence
    for whoever sent the file; it holds nothing of the file.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UnsupportedSound(UnusableSound):
    """A file of no kind that we read; the message names those we do."""

    def __init__(self, message: str) -> None:
        super().__init__("unsupported_format", message)


class BridgeError(MediaServerError):
    """The way out failed; ``retryable`` says whether another try of the same provider can help (another one always may).

    ``code`` is one word for the record and for routing: ``unauthorized``, ``rate_limited``, ``unavailable``,
    ``connection_lost``, ``timeout``, ``protocol_error``, ``too_large``, ``session_expired``, ``provider_error``.
    ``retry_after`` is what the provider asked for, in seconds. The message never holds a key, a URL's query or what was
    said.
    """

    def __init__(
        self, message: str, *, code: str = "provider_error", retryable: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.retry_after = retry_after


class Unsupported(BridgeError):
    """The provider behind this call cannot do what was asked."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="unsupported_by_provider", retryable=False)


class Hangup(MediaServerError):
    """The end of a call; raised inside a session to end its TaskGroup.

    ``reason`` is one of :data:`mediaserver.events.EndReason`; ``detail`` is one sentence for a person.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
