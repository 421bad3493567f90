// The stock clients, with only the URL and the key given. What happens is kept on window.seen for the test to read.
// Of Pipecat's two media managers this is the one that loads no code from its vendor's servers.
import { PipecatClient } from '@pipecat-ai/client-js';
import { SmallWebRTCTransport, WavMediaManager } from '@pipecat-ai/small-webrtc-transport';
import { WHIPClient } from 'whip-whep/whip.js';

const seen = { events: [], errors: [], states: [], ready: null, calls: [] };
window.seen = seen;

const note = (type) => (data) => seen.events.push({ type, data });

window.start = async (key, body) => {
  const transport = new SmallWebRTCTransport({ mediaManager: new WavMediaManager() });
  const client = new PipecatClient({
    transport,
    enableMic: true,
    enableCam: false,
    callbacks: {
      onTransportStateChanged: (state) => seen.states.push(state),
      onError: (message) => seen.errors.push(message.data),
      onMessageError: (message) => seen.errors.push(message.data),
      onUserStartedSpeaking: note('user-started-speaking'),
      onUserStoppedSpeaking: note('user-stopped-speaking'),
      onUserTranscript: note('user-transcription'),
      onBotStartedSpeaking: note('bot-started-speaking'),
      onBotStoppedSpeaking: note('bot-stopped-speaking'),
      onBotLlmStarted: note('bot-llm-started'),
      onBotLlmText: note('bot-llm-text'),
      onBotLlmStopped: note('bot-llm-stopped'),
      onBotTtsText: note('bot-tts-text'),
      onBotOutput: note('bot-output'),
      onBotDisconnected: note('bot-disconnected'),
      onLLMFunctionCallStopped: note('llm-function-call-stopped'),
      onMetrics: note('metrics'),
      onTrackStarted: (track, participant) => {
        seen.events.push({ type: 'track-started', data: track.kind });
        if (!participant?.local && track.kind === 'audio') {
          document.querySelector('audio').srcObject = new MediaStream([track]);
        }
      },
    },
  });
  client.registerFunctionCallHandler('get_weather', async (call) => {
    seen.calls.push(call.arguments);
    return `It is sunny in ${call.arguments.city}.`;
  });
  window.client = client;
  window.transport = transport;
  seen.ready = await client.startBotAndConnect({
    endpoint: `${location.origin}/start`,
    headers: new Headers({ Authorization: `Bearer ${key}` }),
    requestData: { body: body ?? {} },
  });
};

// What the transport does by itself when its connection has failed.
window.reconnect = async () => {
  const before = transport.pc;
  await transport.attemptReconnection(true);
  return transport.pc !== before;
};

// The offer that the transport makes with its other media manager, which can share the screen: one more m-line.
window.offerWithScreen = async (key) => {
  const pc = new RTCPeerConnection();
  pc.addTransceiver('audio', { direction: 'sendrecv' });
  pc.addTransceiver('video', { direction: 'sendrecv' });
  pc.addTransceiver('video', { direction: 'sendonly' });
  const open = new Promise((resolve) => { pc.createDataChannel('chat', { ordered: true }).onopen = resolve; });
  await pc.setLocalDescription();
  const request = await fetch('/api/offer', {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ sdp: pc.localDescription.sdp, type: 'offer', pc_id: null, restart_pc: false }),
  });
  await pc.setRemoteDescription(await request.json());
  await open;
  const all = pc.getTransceivers();
  await all[1].sender.replaceTrack(null);
  return all.map((each) => [each.mid, each.receiver.track.kind, each.currentDirection]);
};

window.publish = async (key) => {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
  const whip = new WHIPClient();
  window.pc = pc;
  window.whip = whip;
  await whip.publish(pc, `${location.origin}/whip`, key);
  return new URL(whip.resourceURL).pathname;
};
