import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridges.tools.box import Box, open_tools
from mediaserver.errors import ConfigError
from mediaserver.section import Secret
from mediaserver.toolconfig import McpServer
from tests.servers.mcp_legacy import legacy_server
from tests.servers.mcp_tools import SCRIPT, Running, mcp_server

WAIT_S = 60.0


def program(directory: Path, **told) -> McpServer:
    env = {"MCP_TOOLS_DIR": Secret(str(directory)), "WHO": Secret("the program")}
    return McpServer(command=sys.executable, args=(str(SCRIPT), "stdio"), env=env, timeout_s=30, **told)


@asynccontextmanager
async def opened(running: Running) -> AsyncIterator[Box]:
    async with asyncio.timeout(WAIT_S), open_tools((), {"kit": McpServer(url=running.url, timeout_s=30)}) as box:
        yield box


async def until(box: Box, name: str, *, there: bool = True) -> None:
    async with asyncio.timeout(WAIT_S):
        while (await box.call(name, '{"a": 1, "b": 2}', "probe", 30)).error is there:
            await asyncio.sleep(0.05)


def executed(directory: Path) -> int:
    file = directory / "executed.txt"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.parametrize("transport", ["http", "http json", "stdio"])
async def test_a_server_over_each_transport(tmp_path, transport):
    async with mcp_server(tmp_path, **({"MCP_TOOLS_JSON": "1"} if "json" in transport else {})) as running:
        over_http = McpServer(url=running.url, headers={"x-who": Secret("the caller's key")}, timeout_s=30)
        chosen = program(tmp_path) if transport == "stdio" else over_http
        async with asyncio.timeout(WAIT_S), open_tools((), {"kit": chosen}) as box:
            declared = {tool.name: tool for tool in box.declared}
            assert set(declared) == {"add", "calendar_find", "book_table", "fail", "babble", "picture", "whoami", "die"}
            assert declared["add"].description == "Adds two numbers."
            assert declared["add"].parameters["properties"]["a"]["type"] == "integer"
            assert box.servers[0].reads == {"add"} and box.servers[0].label == "kit"

            async def call(name: str, arguments: str = "{}"):
                return await box.call(name, arguments, "call_1", 30)

            assert (await call("add", '{"a": 2, "b": 3}')).text == "5"
            assert (await call("calendar_find", '{"day": "Monday"}')).text == "nothing on Monday"
            assert (await call("picture")).text == "[image]"
            who = (await call("whoami")).text
            assert who == ("the program" if transport == "stdio" else "the caller's key")
            for name, arguments in [
                ("fail", "{}"),
                ("add", '{"a": "x"}'),
                ("babble", '{"size": 70000}'),
                ("nobody", "{}"),
            ]:
                assert (await call(name, arguments)).error, name
            assert (await call("babble", '{"size": 60000}')).text == "x" * 60000


@pytest.mark.parametrize("json_answers", ["", "1"])
async def test_an_answer_without_end_fails_that_call_only(tmp_path, json_answers):
    async with mcp_server(tmp_path, MCP_TOOLS_JSON=json_answers) as running, opened(running) as box:
        output = await box.call("babble", '{"size": 5000000}', "c", 30)
        assert output.error and len(output.text) < 1000
        await until(box, "add")


async def test_only_what_is_allowed_is_offered(tmp_path):
    async with mcp_server(tmp_path) as running:
        chosen = McpServer(url=running.url, allow=("calendar.find", "nothing"), timeout_s=30)
        async with asyncio.timeout(WAIT_S), open_tools((), {"kit": chosen}) as box:
            assert [tool.name for tool in box.declared] == ["calendar_find"]
            assert (await box.call("add", '{"a": 1, "b": 2}', "c", 30)).error


async def test_two_servers_with_a_tool_of_one_name_are_refused(tmp_path):
    async with mcp_server(tmp_path) as running:
        one, other = (McpServer(url=running.url, allow=("add",), timeout_s=30) for _ in range(2))
        with pytest.raises(ConfigError, match=r"mcp_servers\.b: has a tool 'add' as 'a' has"):
            async with asyncio.timeout(WAIT_S), open_tools((), {"a": one, "b": other}):
                pass


async def test_a_slow_tool_is_left_at_the_deadline_and_executed_once(tmp_path):
    async with mcp_server(tmp_path) as running, opened(running) as box:
        output = await box.call("book_table", '{"people": 2, "seconds": 60}', "c", 2.0)
        assert output.error and "in time" in output.text
        assert executed(tmp_path) == 1
        assert (await box.call("book_table", '{"people": 4}', "d", 30)).text == "a table for 4"


async def test_a_server_that_is_not_there_does_not_stop_the_start_and_is_found_later(tmp_path):
    async with mcp_server(tmp_path) as running:
        await running.kill()
        async with asyncio.timeout(WAIT_S), open_tools((), {"kit": McpServer(url=running.url, timeout_s=30)}) as box:
            assert box.declared == ()
            await running.start()
            await until(box, "add")


async def test_a_server_that_dies_costs_an_error_and_comes_back(tmp_path):
    async with mcp_server(tmp_path) as running, opened(running) as box:
        await running.kill()
        output = await box.call("book_table", '{"people": 2}', "c", 30)
        assert output.error and "error" in json.loads(output.text)
        assert [tool.name for tool in box.declared], "models keep what they were told"
        await running.start()
        await until(box, "add")
    assert executed(tmp_path) == 0


async def test_a_program_that_ends_is_started_again_without_being_called(tmp_path):
    async with asyncio.timeout(WAIT_S), open_tools((), {"kit": program(tmp_path)}) as box:
        output = await box.call("die", "{}", "c", 30)
        assert output.error and "broke" in output.text
        await until(box, "add")


async def test_a_program_that_does_not_exist_does_not_stop_the_start():
    async with asyncio.timeout(WAIT_S), open_tools((), {"kit": McpServer(command="/no/such/program")}) as box:
        assert box.declared == ()


async def test_a_port_that_never_answers_does_not_stop_the_start_for_long():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        async with asyncio.timeout(WAIT_S), open_tools((), {"kit": McpServer(url=url, timeout_s=0.5)}) as box:
            assert box.declared == ()


async def test_what_breaks_inside_the_context_comes_out_as_it_is():
    with pytest.raises(KeyError):
        async with open_tools((), {"kit": McpServer(command="/no/such/program")}):
            raise KeyError("mine")


async def test_a_server_of_the_older_protocol_and_one_that_has_forgotten_us():
    async with legacy_server() as running:
        chosen = McpServer(url=running.url, timeout_s=30)
        async with asyncio.timeout(WAIT_S), open_tools((), {"old": chosen}) as box:
            assert [tool.name for tool in box.declared] == ["add", "multiply"], "of both pages"
            assert (await box.call("add", '{"a": 2, "b": 3}', "c", 30)).text == "5"
            running.sessions.clear()
            assert (await box.call("add", '{"a": 2, "b": 3}', "d", 30)).error
            assert running.calls == 1, "not executed behind our back"
            await until(box, "add")
