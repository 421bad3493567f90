"""Gives the model a tool that this program executes; everything goes over one WebSocket of the openai package.

usage: python tools_client.py http://localhost:8080/v1 "what is the weather in Paris"
"""

import asyncio
import json
import sys

from openai import AsyncOpenAI

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Says what the weather is in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def get_weather(city: str) -> dict:
    return {"city": city, "sky": "sunny", "degrees": 21}


async def call(base_url: str, question: str, api_key: str = "sk-local", model: str = "local") -> str:
    """Ask one question in writing; returns the words of the answer after the tool."""
    async with (
        AsyncOpenAI(base_url=base_url, api_key=api_key) as client,
        client.realtime.connect(model=model) as line,
    ):
        await line.session.update(session={"type": "realtime", "output_modalities": ["text"], "tools": [TOOL]})
        content = [{"type": "input_text", "text": question}]
        await line.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await line.response.create()
        answer = ""
        async for event in line:
            if event.type == "response.function_call_arguments.done":
                output = json.dumps(get_weather(**json.loads(event.arguments)))
                item = {"type": "function_call_output", "call_id": event.call_id, "output": output}
            elif event.type == "response.output_text.done":
                answer = event.text
            elif event.type == "response.done" and any(one.type == "function_call" for one in event.response.output):
                await line.conversation.item.create(item=item)  # the output first, then ask for the answer
                await line.response.create()
            elif event.type == "response.done":
                break
        return answer


if __name__ == "__main__":
    print(asyncio.run(call(*sys.argv[1:3])))
