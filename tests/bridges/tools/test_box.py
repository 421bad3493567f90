import asyncio
import json

import pytest

from bridges.tools.box import Box, open_tools
from bridges.tools.source import Call
from mediaserver.errors import ConfigError
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolOutput, ToolServer
from mediaserver.toolconfig import McpServer


class Fixed:
    """A source with these tools, which answers with what it was told, or fails."""

    def __init__(self, label: str, *names: str, fails: Exception | None = None, timeout_s: float = 20.0) -> None:
        self.label = label
        self.declared = tuple(Tool(name) for name in names)
        self.server = ToolServer(label, tools=self.declared) if label.isupper() else None
        self.timeout_s = timeout_s
        self.fails = fails
        self.calls: list[Call] = []

    async def call(self, call: Call) -> ToolOutput:
        self.calls.append(call)
        if self.fails:
            raise self.fails
        if self.timeout_s < 1:
            await asyncio.Event().wait()
        return ToolOutput(f"{self.label} did {call.name}")


@pytest.fixture
def box() -> Box:
    return Box([Fixed("book", "book"), Fixed("CRM", "find", "change"), Fixed("FILES", "read", "find")])


def names(box: Box) -> list[str]:
    return [tool.name for tool in box.declared]


async def test_who_has_it_executes_it(box):
    assert names(box) == ["book", "find", "change", "read"]
    assert (await box.call("read", "{}", "c", 20)).text == "FILES did read"
    assert (await box.call("find", "{}", "c", 20)).text == "CRM did find", "the first has it"


async def test_what_nobody_has_is_an_output_too(box):
    output = await box.call("nothing", "{}", "c", 20)
    assert output.error and not box.owns("nothing") and box.deadline_s("nothing") == 0


@pytest.mark.parametrize(
    ("chosen", "offered"),
    [
        (None, ["book", "find", "change", "read"]),
        ([], []),
        (["book"], ["book"]),
        (["FILES"], ["read", "find"]),
        (["CRM", "book"], ["book", "find", "change"]),
    ],
)
async def test_a_model_has_what_it_is_offered_and_no_more(box, chosen, offered):
    some = box.only(chosen)
    assert names(some) == offered
    assert [server.label for server in some.servers] == [
        one for one in ("CRM", "FILES") if chosen is None or one in chosen
    ]
    assert some.owns("book") == ("book" in offered)
    assert (await some.call("book", "{}", "c", 20)).error == ("book" not in offered)


@pytest.mark.parametrize("arguments", ["[]", "1", '"x"', "{", "[" * 100_000, '{"a": "' + "x" * 70_000 + '"}', "\ud800"])
async def test_arguments_that_are_no_object_are_told_to_the_model(arguments):
    source = Fixed("book", "book")
    output = await Box([source]).call("book", arguments, "c", 20)
    assert output.error and "JSON object" in output.text and not source.calls


@pytest.mark.parametrize(("arguments", "read"), [("", {}), ("{}", {}), ('{"a": [1, "ü"]}', {"a": [1, "ü"]})])
async def test_arguments_are_read_once(arguments, read):
    source = Fixed("book", "book")
    await Box([source]).call("book", arguments, "c", 20, session_id="s")
    assert source.calls == [Call("book", read, "c", "s")]


async def test_a_defect_is_an_output_and_its_words_are_not_logged(caplog):
    output = await Box([Fixed("book", "book", fails=KeyError("canary"))]).call("book", "{}", "c", 20)
    assert json.loads(output.text) == {"error": "the tool failed"} and output.error
    assert "KeyError" in caplog.text and "canary" not in caplog.text


@pytest.mark.parametrize(("mine", "asked"), [(0.05, 20), (0.5, 0.05)])
async def test_the_shorter_limit_counts(mine, asked):
    async with asyncio.timeout(20):
        output = await Box([Fixed("book", "book", timeout_s=mine)]).call("book", "{}", "c", asked)
    assert output.error and "in time" in output.text


async def test_a_call_can_be_cancelled():
    async with asyncio.timeout(20):
        task = asyncio.get_running_loop().create_task(
            Box([Fixed("b", "book", timeout_s=0.9)]).call("book", "{}", "c", 20)
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_nothing_configured_is_an_empty_box():
    async with open_tools((), {}) as box:
        assert box.declared == () and box.servers == ()


async def test_without_the_sdk_the_remedy_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(ConfigError, match=r"mcp_servers\.crm: needs the mcp package: pip install 'mediaserver\[mcp\]'"):
        async with open_tools((), {"crm": McpServer(url="http://127.0.0.1:1/")}):
            pass
