/** The Code tab: how to make the same call from elsewhere. The key is never written out. */
export function snippets(origin, model) {
  const calls = `${origin}/v1/realtime/calls`
  return {
    curl: `curl -i "${calls}?model=${model}" \\\n  -H "Authorization: Bearer $MEDIASERVER_KEY" \\\n  -H "Content-Type: application/sdp" \\\n  --data-binary @offer.sdp`,
    JavaScript: `const peer = new RTCPeerConnection()
const microphone = await navigator.mediaDevices.getUserMedia({ audio: true })
peer.addTrack(microphone.getTracks()[0], microphone)
peer.ontrack = ({ streams }) => { audio.srcObject = streams[0] }
const events = peer.createDataChannel('oai-events')
events.onmessage = ({ data }) => console.log(JSON.parse(data))
await peer.setLocalDescription(await peer.createOffer())
const answer = await fetch('${calls}?model=${model}', {
  method: 'POST',
  headers: { Authorization: \`Bearer \${key}\`, 'Content-Type': 'application/sdp' },
  body: peer.localDescription.sdp,
})
await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })`,
    Python: `import asyncio, os
import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRecorder

async def main():
    peer, recorder = RTCPeerConnection(), MediaRecorder("answer.wav")
    peer.addTrack(MediaPlayer("question.wav").audio)
    peer.on("track", recorder.addTrack)
    events = peer.createDataChannel("oai-events")
    events.on("message", print)
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Authorization": f"Bearer {os.environ['MEDIASERVER_KEY']}", "Content-Type": "application/sdp"}
    async with aiohttp.ClientSession() as http:
        url = "${calls}?model=${model}"
        async with http.post(url, data=peer.localDescription.sdp, headers=headers) as answer:
            await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
    await recorder.start()
    await asyncio.sleep(30)
    await recorder.stop()
    await peer.close()

asyncio.run(main())`,
  }
}
