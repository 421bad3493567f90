// An agent of OpenAI's Agents SDK with a tool that this program executes. Only the URL is ours.
//
// usage: node agent.mjs ws://localhost:8080/v1/realtime?model=local "what is the weather in Paris"
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

const [url, question] = process.argv.slice(2);
const weather = tool({
  name: "get_weather",
  description: "Says what the weather is in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    console.log(`get_weather ${city}`);
    return JSON.stringify({ city, sky: "sunny", degrees: 21 });
  },
});
const agent = new RealtimeAgent({ name: "Weather", instructions: "Say what the weather is.", tools: [weather] });
const session = new RealtimeSession(agent, { transport: "websocket", model: "local" });

session.on("audio", () => {}); // a player would queue it: PCM16, 24 kHz, mono
session.on("error", ({ error }) => {
  console.error(error);
  process.exit(1);
});
session.on("agent_end", (_context, _agent, answer) => {
  if (!answer) return; // the call of the tool; the answer follows
  console.log(answer);
  session.close();
  process.exit(0);
});
setTimeout(() => {
  console.error("nobody answered");
  process.exit(1);
}, 60_000);

await session.connect({ apiKey: process.env.MEDIASERVER_KEY ?? "sk-local", url });
session.sendMessage(question);
