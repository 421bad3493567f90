// The stock client, with only the URL changed. What happens is kept on window.seen for the test to read.
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

const seen = { events: [], history: [], errors: [], tools: [], interrupted: 0, state: 'new' };
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

window.start = async (key, model = 'local') => {
  const agent = new RealtimeAgent({ name: 'Test', instructions: 'Be brief.', tools: [weather] });
  const audio = document.querySelector('audio');
  const transport = new OpenAIRealtimeWebRTC({
    baseUrl: `${location.origin}/v1/realtime/calls`,
    useInsecureApiKey: true,
    audioElement: audio,
  });
  const session = new RealtimeSession(agent, { transport, model });
  transport.on('*', (event) => seen.events.push(event));
  session.on('history_updated', (history) => { seen.history = history; });
  session.on('audio_interrupted', () => { seen.interrupted += 1; });
  session.on('error', (error) => seen.errors.push(JSON.stringify(error)));
  await session.connect({ apiKey: key });
  seen.state = 'connected';
  window.session = session;
};
