from bridges.llm import LLM
from bridges.llm.options import OpenAIChat, XaiChat
from bridges.llm.responses import open_responses
from mediaserver.speech import Message, Terms, ToolRequest
from tests.servers.responses import ResponsesServer, called, end, spoken
from tests.servers.sse_model import model_server

NEWS = (Message("user", "what is in the news"),)


async def test_grok_looks_things_up() -> None:
    async with model_server(ResponsesServer) as server:
        server.events = [spoken("It "), spoken("snowed."), end()]
        told = XaiChat(model="grok-4.5", url=server.base_url, key="k", search=("web_search", "x_search"))
        async with LLM["xai"].open(told) as model:
            pieces = [piece async for piece in model.reply(NEWS, Terms(temperature=0.2, max_tokens=90))]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "It snowed."
    assert [tool["type"] for tool in server.requests[0]["tools"]] == ["web_search", "x_search"]
    assert server.headers[0]["Authorization"] == "Bearer k"


async def test_a_function_and_its_answer() -> None:
    async with model_server(ResponsesServer) as server:
        server.events = [called("f", "{}"), end()]
        told = OpenAIChat(model="gpt-4.1", url=server.base_url, search=("web_search",))
        async with open_responses(told) as model:
            await model.warm()
            (call, _) = [piece async for piece in model.reply(NEWS)]
            assert isinstance(call, ToolRequest)
            history = (*NEWS, Message("assistant", calls=(call,)), Message("tool", "x", call_id=call.call_id))
            server.events = server.say("Done.")
            pieces = [piece async for piece in model.reply(history)]
    assert pieces[0] == "Done."
