// One conversation of the stock SDK for Node with only the URL changed; prints what happened as one JSON object.
//
// usage: NODE_EXTRA_CA_CERTS=… node client.mjs OpenAIRealtimeWS https://… model question.pcm "a question for the tool" "a long question"
import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';

const [name, baseURL, model, file, asked, long] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'sk-local' });
const line = new { OpenAIRealtimeWS, OpenAIRealtimeWebSocket }[name]({ model }, client);
const events = [];
const waiting = [];
let read = 0;

line.on('event', (event) => {
  events.push(event);
  for (const look of [...waiting]) look();
});
line.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
setTimeout(() => {
  console.error(`nobody answered; the last events: ${events.slice(-5).map((event) => event.type)}`);
  process.exit(1);
}, 60_000).unref();

// The next event of a type; `since` an index in all that came.
const until = (type, since = read) => new Promise((resolve) => {
  const look = () => {
    const found = events.findIndex((event, index) => index >= since && event.type === type);
    if (found < 0) return;
    waiting.splice(waiting.indexOf(look), 1);
    read = Math.max(read, found + 1);
    resolve(events[found]);
  };
  waiting.push(look);
  look();
});
const create = (item) => line.send({ type: 'conversation.item.create', item });
const write = (text) => create({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
const tool = {
  type: 'function',
  name: 'get_weather',
  description: 'Says what the weather is in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const told = {};

told.model = (await until('session.created')).session.model;
const transcription = { model: 'gpt-4o-mini-transcribe' };
line.send({ type: 'session.update', session: { type: 'realtime', tools: [tool], audio: { input: { transcription } } } });
told.tools = (await until('session.updated')).session.tools.map((each) => each.name);

const spoken = events.length;
line.send({ type: 'input_audio_buffer.append', audio: (await readFile(file)).toString('base64') });
const heard = await until('conversation.item.input_audio_transcription.completed', spoken);
told.heard = heard.transcript;
told.answer = (await until('response.done', spoken)).response.status;
line.send({ type: 'conversation.item.retrieve', item_id: heard.item_id });
told.retrieved = (await until('conversation.item.retrieved')).item.content[0].transcript;

write(asked);
line.send({ type: 'response.create' });
const called = await until('response.function_call_arguments.done');
told.called = [called.name, JSON.parse(called.arguments)];
await until('response.done');
create({ type: 'function_call_output', call_id: called.call_id, output: 'sunny, 21 degrees' });
line.send({ type: 'response.create' });
told.said = (await until('response.output_audio_transcript.done')).transcript;
await until('response.done');

write(long);
line.send({ type: 'response.create' });
const delta = await until('response.output_audio.delta');
line.send({ type: 'response.cancel' });
told.cancelled = (await until('response.done')).response.status;
line.send({ type: 'conversation.item.truncate', item_id: delta.item_id, content_index: 0, audio_end_ms: 100 });
told.truncated = (await until('conversation.item.truncated')).audio_end_ms;

told.sound_ms = events
  .filter((event) => event.type === 'response.output_audio.delta')
  .reduce((sum, event) => sum + Buffer.from(event.delta, 'base64').length, 0) / 48;
line.close();
console.log(JSON.stringify({ ...told, events }));
