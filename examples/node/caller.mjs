// Asks one question in writing with OpenAI's SDK for Node; only the URL is ours. The SDK speaks TLS only: start the server
// with `--tls self-signed` and a `server.tls.directory`, and trust the certificate that it keeps there.
//
// usage: NODE_EXTRA_CA_CERTS=…/mediaserver.crt node caller.mjs https://localhost:8080/v1 "what time is it"
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const [baseURL, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: process.env.MEDIASERVER_KEY ?? "sk-local" });
const line = new OpenAIRealtimeWS({ model: "local" }, client);
let sound = 0;

line.on("session.created", () => {
  line.send({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text: question }] },
  });
  line.send({ type: "response.create" });
});
line.on("response.output_audio.delta", (event) => {
  sound += Buffer.from(event.delta, "base64").length; // a player would queue it: PCM16, 24 kHz, mono
});
line.on("response.output_audio_transcript.done", (event) => {
  console.log(event.transcript);
});
line.on("response.done", () => {
  console.log(`${Math.round(sound / 48)} ms of sound`);
  line.close();
});
line.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
  line.close();
});
setTimeout(() => {
  console.error("nobody answered");
  process.exit(1);
}, 60_000).unref();
