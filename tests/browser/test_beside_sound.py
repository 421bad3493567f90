"""What accompanies sound, with Chromium, which we did not write: redundancy and comfort noise, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, Page

from mediaserver.rtc.codecs import Red
from mediaserver.rtc.peer import Peer
from tests.rtc.clients import LOCAL, Ear, Text, media_port, serving, until
from tests.servers.udp_impair import Proxy, Weather, candidates, through, udp_impair, without_candidates

pytestmark = [
    pytest.mark.browser,
    pytest.mark.alone,
    pytest.mark.timeout(90),
    pytest.mark.asyncio(loop_scope="module"),
]

OFFER = """async kinds => {
  const sound = new AudioContext(), tone = sound.createOscillator(), out = sound.createMediaStreamDestination()
  tone.connect(out)
  tone.start()
  window.peer = new RTCPeerConnection()
  peer.ontrack = ({ streams }) => {
    window.speaker = new Audio()
    speaker.srcObject = streams[0]
    void speaker.play()
  }
  peer.addTrack(out.stream.getAudioTracks()[0])
  peer.getTransceivers()[0].setCodecPreferences(RTCRtpReceiver.getCapabilities('audio').codecs.filter(
    ({ mimeType, clockRate }) => kinds.includes(`${mimeType.slice(6)}/${clockRate}`)))
  await peer.setLocalDescription()
  return peer.localDescription.sdp
}"""
ANSWER = "sdp => peer.setRemoteDescription({ type: 'answer', sdp })"
HEARD = """async () => {
  const stats = [...(await peer.getStats()).values()].find(({ type }) => type === 'inbound-rtp')
  return [stats.packetsLost, stats.concealmentEvents]
}"""
HUSH = "void (peer.getSenders()[0].track.enabled = false)"
OPUS = ("opus/48000", "red/48000")
LOSSY = Weather(loss=0.2)


@dataclass
class Call:
    """A call of Chromium's whose voice comes back to it."""

    page: Page
    peer: Peer
    proxy: Proxy

    def count(self, name: str) -> float:
        return self.peer.stats[name] or 0


@asynccontextmanager
async def calling(chrome: Browser, red: Red = "auto", formats: Sequence[str] = OPUS) -> AsyncIterator[Call]:
    """Let Chromium call a port of its own, through a proxy that is fair at first."""
    page = await (await chrome.new_context()).new_page()
    async with media_port(replace(LOCAL, addresses=("127.0.0.1",), red=red)) as port:
        peer, answer = port.accept(without_candidates(await page.evaluate(OFFER, list(formats))), Text())
        Ear(peer, echo=True)
        async with udp_impair(candidates(answer)[0]) as proxy, serving(peer):
            await page.evaluate(ANSWER, through(answer, proxy.address))
            call = Call(page, peer, proxy)
            await until(lambda: peer.connected and call.count("received_received") > 50)
            yield call


def kinds(datagrams: Iterable[bytes]) -> set[int]:
    """Return the payload types of the RTP packets among them: their headers are not encrypted."""
    return {each[1] & 0x7F for each in datagrams if each and 127 < each[0] < 192 and not 192 <= each[1] <= 223}


async def test_by_itself_redundancy_is_ours_alone_and_comes_with_the_loss(chrome: Browser) -> None:
    """Chromium never sends it when Opus stands first; ours begins with its first report of loss, and is of use to it."""
    async with calling(chrome, "auto") as call:
        assert kinds(call.proxy.up.recent) == kinds(call.proxy.down.recent) == {111}
        call.proxy.set_weather(LOSSY)
        await until(lambda: call.count("sent_copies") > 50, 40)  # it reports each 5 s, and what it reports may be lost
        assert 63 in kinds(call.proxy.down.recent)
        lost, concealed = before = await call.page.evaluate(HEARD)
        async with asyncio.timeout(20):
            while lost < before[0] + 25:
                await asyncio.sleep(0.1)
                lost, concealed = await call.page.evaluate(HEARD)
        assert concealed - before[1] < (lost - before[0]) / 2  # without copies: about one for each
        assert kinds(call.proxy.up.recent) == {111}


async def test_always_makes_chromium_repeat_itself(chrome: Browser) -> None:
    """Every packet is redundant from the first one on, and what is lost is heard from the copies."""
    async with calling(chrome, "always") as call:
        assert kinds(call.proxy.up.recent) == {63}
        assert call.count("received_copied") == 0
        call.proxy.set_weather(LOSSY)
        await until(lambda: call.count("received_copied") > 20, 20)
        assert call.count("received_concealed") < call.count("received_copied")
        assert call.count("received_malformed") == call.count("received_unknown") == 0


async def test_a_pause_in_g711_is_comfort_noise_both_ways(chrome: Browser) -> None:
    """Chromium sends a little noise for a pause and so do we; time goes on in silence and nothing is malformed."""
    async with calling(chrome, formats=("PCMU/8000", "CN/8000")) as call:
        await call.page.evaluate(HUSH)
        call.proxy.up.recent.clear()
        await until(lambda: sum(kinds([each]) == {13} for each in call.proxy.up.recent) > 5)
        await until(lambda: 13 in kinds(call.proxy.down.recent))
        assert call.count("received_silent") > 10
        assert call.count("received_malformed") == call.count("received_unknown") == 0
