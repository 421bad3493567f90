// The stock client, with only the URL changed. What happens is kept on window.seen for the test to read.
import { OpenAIRealtimeWebRTC, OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

const seen = { events: [], history: [], errors: [], tools: [], interrupted: 0, sound: 0, state: 'new' };
window.seen = seen;

const weather = tool({
  name: 'get_weather',
  description: 'Get the weather of a city',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    seen.tools.push(city);
    return `It is sunny in ${city}.`;
  },
});

const transports = {
  webrtc: () => new OpenAIRealtimeWebRTC({
    baseUrl: `${location.origin}/v1/realtime/calls`,
    audioElement: document.querySelector('audio'),
  }),
  websocket: (model) => new OpenAIRealtimeWebSocket({
    url: `${location.origin.replace('http', 'ws')}/v1/realtime?model=${model}`,
  }),
};

const pump = `registerProcessor('pump', class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(Int16Array.from(samples, (each) => each * 32767).buffer);
    return true;
  }
});`;

// Over a WebSocket the application brings the microphone itself: PCM16, 24 kHz, mono.
window.listen = async () => {
  const context = new AudioContext({ sampleRate: 24000 });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([pump], { type: 'text/javascript' })));
  const node = new AudioWorkletNode(context, 'pump');
  node.port.onmessage = ({ data }) => window.session.sendAudio(data);
  context.createMediaStreamSource(await navigator.mediaDevices.getUserMedia({ audio: true })).connect(node);
};

window.start = async (key, model, kind) => {
  const agent = new RealtimeAgent({ name: 'Test', instructions: 'Be brief.', tools: [weather] });
  const transport = transports[kind](model);
  const session = new RealtimeSession(agent, { transport, model });
  transport.on('*', (event) => seen.events.push(event));
  session.on('history_updated', (history) => { seen.history = history; });
  session.on('audio', ({ data }) => { seen.sound += data.byteLength / 48; });
  session.on('audio_interrupted', () => { seen.interrupted += 1; });
  session.on('error', (error) => seen.errors.push(JSON.stringify(error)));
  await session.connect({ apiKey: key });
  seen.state = 'connected';
  window.session = session;
};

// What the client's own history knows of the answer that was cut last, beside all that came of it.
window.cut = () => {
  const last = seen.events.findLast((event) => event.type === 'conversation.item.truncated');
  const item = last && seen.history.find((each) => each.itemId === last.item_id);
  const words = seen.events.filter(
    (event) => event.type === 'response.output_audio_transcript.delta' && event.item_id === last?.item_id,
  );
  return item && {
    heard_ms: last.audio_end_ms,
    status: item.status,
    heard: item.content[0]?.transcript ?? '',
    whole: words.map((event) => event.delta).join(''),
  };
};
