"""Around every route: errors in the contract's shape, headers that keep browsers safe, and who may call across origins."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from mediaserver.errors import NotFound, Overloaded, RequestError, TooLarge
from signaling.auth import local_origin
from signaling.door import DOOR

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "report-uri /csp-report",
    )
)
"""What a page of this server may do: its own files, its own server, nothing as markup."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ALLOWED_METHODS = "GET, POST, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = ", ".join(
    (
        "Authorization", "api-key", "Content-Type", "Accept", "If-Match", "User-Agent",
        "OpenAI-Beta", "OpenAI-Organization", "OpenAI-Project", "OpenAI-Safety-Identifier", "X-OpenAI-Agents-SDK",
        *(f"X-Stainless-{what}" for what in (
            "Arch", "Lang", "OS", "Package-Version", "Retry-Count", "Runtime", "Runtime-Version", "Timeout",
        )),
    )
)  # fmt: skip
"""Named, since ``*`` does not cover ``Authorization`` (Fetch §4.9); the last are what OpenAI's SDKs send from a browser."""

EXPOSED_HEADERS = "Location, ETag, Link, Retry-After"

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def error_response(error: RequestError) -> web.Response:
    """Return the contract's error body, with ``Retry-After`` where another try makes sense."""
    response = _json_error(error.status, error.type, error.code, error.message, error.param)
    if isinstance(error, Overloaded):
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure in the contract's own shape; a failure of ours says nothing of itself."""
    try:
        return await handler(request)
    except RequestError as error:
        return error_response(error)
    except web.HTTPRequestEntityTooLarge:
        return error_response(TooLarge("the request body is too large"))
    except web.HTTPNotFound:
        return error_response(NotFound("there is nothing at this address"))
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        code = _HTTP_CODES.get(answer.status, "invalid_request")
        response = _json_error(answer.status, "invalid_request_error", code, answer.reason, None)
        response.headers.update({name: value for name, value in answer.headers.items() if name == "Allow"})
        return response
    except TimeoutError:
        return _json_error(408, "invalid_request_error", "timeout", "the request took too long", None)
    except Exception:  # the edge: whatever went wrong, the caller gets the contract's shape and the log gets the place
        log.exception(
            "a request failed", extra={"route": request.match_info.route.name or "", "method": request.method}
        )
        return _json_error(500, "server_error", "internal_error", "the server failed to answer this request", None)


@web.middleware
async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser's question before a request across origins (Fetch §4.8)."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return await handler(request)
    if not _may_call(request):
        return _json_error(403, "invalid_request_error", "origin_not_allowed", "this web origin may not call", None)
    headers = {
        "Access-Control-Allow-Methods": ALLOWED_METHODS,
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": "600",
    }
    return web.Response(status=204, headers=headers)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on whatever is about to leave (an ``on_response_prepare`` signal)."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if request.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "Origin" in request.headers:
        response.headers.add("Vary", "Origin")
        if "Access-Control-Allow-Origin" not in response.headers and _may_call(request):
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _may_call(request: web.Request) -> bool:
    origin = request.headers.get("Origin", "")
    allowed = request.app[DOOR].config.server.cors_origins
    return origin in allowed or "*" in allowed or local_origin(origin)


def _json_error(status: int, kind: str, code: str, message: str, param: str | None) -> web.Response:
    body: dict[str, Any] = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return web.json_response(body, status=status)
