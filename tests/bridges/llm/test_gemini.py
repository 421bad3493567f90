from bridges.hybrid.history import messages
from bridges.llm.gemini import open_gemini
from bridges.llm.gemini_request import UNSIGNED
from bridges.llm.options import GeminiChat
from mediaserver.items import Item, Part
from mediaserver.settings import Tool
from mediaserver.speech import Message, Terms, ToolRequest
from tests.servers.gemini_generate import GeminiServer, called, chunk
from tests.servers.sse_model import model_server

HELLO = (Message("system", "be brief"), Message("user", "hello"))
WEATHER = Tool("get_weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def remembered(call: ToolRequest) -> tuple[Message, ...]:
    """Return the next turn as the chain asks for it: made of the conversation's items, which know no signatures."""
    said = Item("1", role="user", parts=(Part("input_text", "how is the weather in Oslo"),))
    asked = Item("2", "function_call", call_id=call.call_id, name=call.name, arguments=call.arguments)
    answered = Item("3", "function_call_output", call_id=call.call_id, output="rain")
    return messages([said, asked, answered], "be brief")


async def test_a_thought_signature_outlives_the_conversations_items() -> None:
    async with model_server(GeminiServer) as server:
        chosen = GeminiChat(model="gemini-3.5-flash", url=server.base_url, key="k")
        async with open_gemini(chosen) as model:
            server.events = [chunk(called("get_weather", {"city": "Oslo"}, "c2lnbmVk")), chunk(finish="STOP")]
            (call, _) = [piece async for piece in model.reply(HELLO, Terms(tools=[WEATHER]))]
            assert isinstance(call, ToolRequest)
            server.events = GeminiServer.say("It rains.")
            pieces = [piece async for piece in model.reply(remembered(call), Terms(tools=[WEATHER]))]
    assert pieces[0] == "It rains."
    assert server.signatures == ["c2lnbmVk"]
    assert server.headers[0]["x-goog-api-key"] == "k"
    assert server.paths[0] == "/v1beta/models/gemini-3.5-flash:streamGenerateContent?alt=sse"


async def test_a_call_from_before_this_server_began_is_taken_too() -> None:
    async with model_server(GeminiServer) as server:
        server.events = GeminiServer.say("It rains.")
        async with open_gemini(GeminiChat(model="models/gemini-3.5-flash", url=server.base_url)) as model:
            call = ToolRequest("call_1", "get_weather", "{}")
            pieces = [piece async for piece in model.reply(remembered(call), Terms(tools=[WEATHER], temperature=0.3))]
    assert pieces[0] == "It rains."
    assert server.signatures == [UNSIGNED]
    assert server.requests[0]["generationConfig"] == {"temperature": 0.3}
