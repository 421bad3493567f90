"""Stock aiortc as an echo, to be compared with: the same HTTP contract as ours, so that the same callers call it.

``relay`` hands the received track back, as aiortc's own examples do. ``fresh`` makes new 24 kHz mono frames of what it
hears, as a voice server does that speaks a model's sound; aiortc then encodes them with far less work.
"""

from __future__ import annotations

import argparse
from fractions import Fraction

from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from av import AudioFrame, AudioResampler


class Fresh(MediaStreamTrack):
    """What a track says, in new frames of 24 kHz mono."""

    kind = "audio"
    RATE = 24000

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self._source = source
        self._resampler = AudioResampler(format="s16", layout="mono", rate=self.RATE)
        self._sent = 0

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms when they come."""
        heard: list[AudioFrame] = []
        while not heard:
            heard = self._resampler.resample(await self._source.recv())
        frame = AudioFrame.from_ndarray(heard[0].to_ndarray(), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self.RATE, self._sent, Fraction(1, self.RATE)
        self._sent += frame.samples
        return frame


PEERS = web.AppKey("peers", dict)
WAYS = {"relay": lambda track: MediaRelay().subscribe(track), "fresh": Fresh}


def application(way: str) -> web.Application:
    """Return the server."""
    app = web.Application()
    app[PEERS] = {}

    async def ready(request: web.Request) -> web.Response:
        return web.Response()

    async def call(request: web.Request) -> web.Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        name = f"rtc_{len(app[PEERS])}"
        app[PEERS][name] = peer
        peer.on("track", lambda track: peer.addTrack(WAYS[way](track)))
        await peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": f"/v1/realtime/calls/{name}"}
        body = peer.localDescription.sdp
        return web.Response(status=201, text=body, content_type="application/sdp", headers=headers)

    async def hang_up(request: web.Request) -> web.Response:
        await app[PEERS][request.match_info["name"]].close()
        return web.Response()

    app.router.add_get("/readyz", ready)
    app.router.add_post("/v1/realtime/calls", call)
    app.router.add_post("/v1/realtime/calls/{name}/hangup", hang_up)
    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", choices=WAYS, default="relay")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    web.run_app(application(args.way), host="127.0.0.1", port=args.port, print=None)


if __name__ == "__main__":
    main()
