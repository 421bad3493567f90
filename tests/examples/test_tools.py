"""The four ways of giving a model tools, as the examples show them."""

import asyncio
import base64
import json
import sys

import pytest
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from openai import AsyncOpenAI

from bridges.tools import open_tools
from mediaserver.section import Secret
from mediaserver.toolconfig import McpServer, Webhook, WebhookTool
from tests.examples.program import EXAMPLES, load
from tests.servers.voice_server import free_port, voice_server

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
QUESTION = "what is the weather in Paris"
WEATHER = {
    "description": "Says what the weather is in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def weather(box) -> str:
    output = await box.call("get_weather", '{"city": "Paris"}', "call_1", 30, session_id="sess_1")
    assert not output.error, output.text
    return json.loads(output.text)["sky"]


@pytest.mark.parametrize(("secret", "sky"), [(SECRET, "sunny"), ("whsec_" + "B" * 44, None)])
async def test_the_webhook_answers_us_and_nobody_else(secret, sky):
    runner = web.AppRunner(load("tools_webhook").application(SECRET))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/weather"
        hook = WebhookTool(name="get_weather", webhook=Webhook(url=url, secret=Secret(secret)), **WEATHER)
        async with open_tools((hook,), {}) as box:
            if sky:
                assert await weather(box) == sky
            else:
                assert (await box.call("get_weather", '{"city": "Paris"}', "call_1", 30)).error
    finally:
        await runner.cleanup()


async def test_the_mcp_server_as_a_program():
    chosen = McpServer(command=sys.executable, args=(str(EXAMPLES / "tools_mcp.py"),), timeout_s=30)
    async with asyncio.timeout(60), open_tools((), {"weather": chosen}) as box:
        assert await weather(box) == "sunny"


async def test_the_mcp_server_over_http():
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / "tools_mcp.py"), str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        chosen = McpServer(url=f"http://127.0.0.1:{port}/mcp", timeout_s=30)
        async with asyncio.timeout(60), open_tools((), {"weather": chosen}) as box:
            while not box.owns("get_weather"):
                await asyncio.sleep(0.05)
            assert await weather(box) == "sunny"
    finally:
        process.kill()
        await process.wait()


async def test_the_client_executes_its_tool(server):
    answer = await load("tools_client").call(f"{server.url}/v1", QUESTION)
    assert "sunny" in answer


async def test_a_second_connection_executes_the_tool_of_a_call(server):
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="sk-local") as client:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        events = peer.createDataChannel("oai-events")
        heard: asyncio.Queue[dict] = asyncio.Queue(maxsize=1000)
        events.on("message", lambda text: heard.put_nowait(json.loads(text)))

        async def told(kind: str) -> dict:
            async with asyncio.timeout(60):
                while (event := await heard.get())["type"] != kind:
                    pass
            return event

        def say(kind: str, **more: object) -> None:
            events.send(json.dumps({"type": kind, **more}))

        peer.addTrack(AudioStreamTrack())
        await peer.setLocalDescription(await peer.createOffer())
        session = {"type": "realtime", "model": "local"}
        answer = await client.realtime.calls.create(sdp=peer.localDescription.sdp, session=session)
        call_id = answer.response.headers["Location"].rpartition("/")[2]
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        try:
            await told("session.created")
            async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(load("tools_sideband").serve(f"{server.url}/v1", call_id))
                await told("session.updated")  # by the sideband
                content = [{"type": "input_text", "text": QUESTION}]
                say("conversation.item.create", item={"type": "message", "role": "user", "content": content})
                say("response.create")
                said = await told("response.output_audio_transcript.done")
                await client.realtime.calls.hangup(call_id)
        finally:
            await peer.close()
    assert serving.result() == 1 and "sunny" in said["transcript"]


@pytest.mark.parametrize("way", ["webhook", "mcp"])
async def test_a_call_whose_client_knows_of_no_tool_is_answered_with_one(way):
    runner = web.AppRunner(load("tools_webhook").application(SECRET))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/weather"
        hook = {"name": "get_weather", "webhook": {"url": url, "secret": SECRET}, **WEATHER}
        program = {"command": sys.executable, "args": [str(EXAMPLES / "tools_mcp.py")], "timeout_s": 30}
        config = {"tools": [hook]} if way == "webhook" else {"mcp_servers": {"weather": program}}
        async with voice_server(config) as server, asyncio.timeout(60):
            assert "sunny" in await ask(f"{server.url}/v1", QUESTION)
    finally:
        await runner.cleanup()


async def ask(base_url: str, question: str) -> str:
    """Return the text of the first response that has one."""
    async with (
        AsyncOpenAI(base_url=base_url, api_key="sk-local") as client,
        client.realtime.connect(model="local") as line,
    ):
        await line.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        content = [{"type": "input_text", "text": question}]
        await line.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await line.response.create()
        async for event in line:
            assert event.type != "error", event
            if event.type == "response.output_text.done" and event.text:
                return event.text
    return ""
