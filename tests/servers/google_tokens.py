"""Google's token endpoint on loopback: checks every assertion with google-auth, and sells tokens that it remembers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import jwt

EMAIL = "voice@a-project.iam.gserviceaccount.com"


@cache
def _keys() -> tuple[str, bytes]:
    private = generate_private_key(65537, 2048)
    written = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return written, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def account_key(token_uri: str = "https://oauth2.googleapis.com/token", **changed: Any) -> str:
    """Return a service account's key as the console writes it."""
    key = {
        "type": "service_account",
        "project_id": "a-project",
        "private_key_id": "0123",
        "private_key": _keys()[0],
        "client_email": EMAIL,
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    }
    return json.dumps({**key, **changed})


def claims_of(assertion: str, audience: str) -> dict[str, Any]:
    """Return what an assertion claims. Raises ValueError where google-auth does not believe it."""
    return dict(jwt.decode(assertion, certs={"0123": _keys()[1]}, audience=audience))


@dataclass
class TokenServer:
    """What it will say, and the tokens it has sold."""

    url: str = ""
    status: int = 200
    body: bytes | None = None
    life_s: float = 3599
    slow_s: float = 0.0
    sold: list[str] = field(default_factory=list)
    requests: int = 0

    @property
    def key(self) -> str:
        """A service account whose tokens are sold here."""
        return account_key(self.url)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        claims = claims_of(str(form["assertion"]), self.url)
        assert claims["iss"] == EMAIL and claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        await asyncio.sleep(self.slow_s)
        if self.body is not None:
            return web.Response(body=self.body, status=self.status)
        if self.status != 200:
            error = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return web.json_response(error, status=self.status)
        self.sold.append(f"ya29.{len(self.sold)}")
        return web.json_response({"access_token": self.sold[-1], "expires_in": self.life_s, "token_type": "Bearer"})


@asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    """Run the endpoint on a free port of 127.0.0.1."""
    server = TokenServer()
    app = web.Application()
    app.router.add_post("/token", server.handle)
    test_server = TestServer(app)
    await test_server.start_server()
    try:
        server.url = str(test_server.make_url("/token"))
        yield server
    finally:
        await test_server.close()
