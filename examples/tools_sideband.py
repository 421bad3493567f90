"""Executes a call's tools from your own server: a second connection to a call that somebody else makes, say a browser.

usage: python tools_sideband.py http://localhost:8080/v1 rtc_…
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


async def serve(base_url: str, call_id: str, api_key: str = "sk-local") -> int:
    """Answer every call of the tool until the call ends; returns how many there were."""
    served = 0
    async with (
        AsyncOpenAI(base_url=base_url, api_key=api_key) as client,
        client.realtime.connect(call_id=call_id) as line,
    ):
        await line.session.update(session={"type": "realtime", "tools": [TOOL]})
        async for event in line:
            if event.type == "response.function_call_arguments.done":
                output = json.dumps(get_weather(**json.loads(event.arguments)))
                item = {"type": "function_call_output", "call_id": event.call_id, "output": output}
                await line.conversation.item.create(item=item)
                await line.response.create()
                served += 1
    return served


if __name__ == "__main__":
    print(asyncio.run(serve(*sys.argv[1:3])), "calls answered")
