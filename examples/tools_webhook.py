"""A web server that executes a tool for the voice server, and knows that it is the voice server who asks.

usage: TOOL_SECRET=whsec_… python tools_webhook.py 9000
"""

import base64
import hashlib
import hmac
import os
import sys
import time

from aiohttp import web


def genuine(request: web.Request, body: bytes, secret: str) -> bool:
    """Check the signature as Standard Webhooks describes it; older than five minutes is a replay."""
    name, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "0")
    signed = f"{name}.{stamp}.".encode() + body
    mac = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    given = request.headers.get("webhook-signature", "")
    fresh = stamp.isdigit() and abs(time.time() - int(stamp)) < 300
    return fresh and hmac.compare_digest(given, "v1," + base64.b64encode(mac).decode())


def application(secret: str) -> web.Application:
    """Return the server. A call that comes twice (webhook-id) has its first answer again."""
    answers: dict[str, dict] = {}

    async def get_weather(request: web.Request) -> web.Response:
        body = await request.read()
        if not genuine(request, body, secret):
            return web.Response(status=401)
        asked = await request.json()  # call_id, name, arguments, session_id
        city = asked["arguments"]["city"]
        return web.json_response(answers.setdefault(asked["call_id"], {"city": city, "sky": "sunny", "degrees": 21}))

    app = web.Application()
    app.router.add_post("/weather", get_weather)
    return app


if __name__ == "__main__":
    web.run_app(application(os.environ["TOOL_SECRET"]), host="127.0.0.1", port=int(sys.argv[1]))
