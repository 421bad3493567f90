import json
from typing import Any

import pytest

from bridges.local.demo_tools import arguments, content_words, spoken_result, wanted_tool
from mediaserver.settings import Tool


def tool(name: str, description: str = "", **properties: Any) -> Tool:
    return Tool(name, description, {"type": "object", "properties": properties, "required": list(properties)})


WEATHER = tool("get_weather", "Get the current weather in a city", city={"type": "string"})
LIGHT = tool("set_light", "Turn a light on or off", on={"type": "boolean"}, level={"type": "integer"})
ROOM = tool("bookRoom", "Book a room", size={"type": "string", "enum": ["small", "large"]})


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("what is the weather in oslo", "get_weather"),
        ("please turn the light off", "set_light"),
        ("book a large room", "bookRoom"),
        ("tell me the current information", None),
        ("what time is it", None),
        ("in a city", None),
        ("", None),
    ],
)
def test_finds_the_tool_that_is_meant(said: str, name: str | None) -> None:
    found = wanted_tool(said, [WEATHER, LIGHT, ROOM])
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("said", "chosen", "filled"),
    [
        ("what is the weather in new york", WEATHER, {"city": "new york"}),
        ("weather oslo please", WEATHER, {"city": "oslo please"}),
        ("weather", WEATHER, {"city": ""}),
        ("set the light off", LIGHT, {"on": False, "level": 0}),
        ("set the light to forty two", LIGHT, {"on": True, "level": 42}),
        ("book a large room", ROOM, {"size": "large"}),
        ("book a room", ROOM, {"size": "small"}),
        ("anything", Tool("bare"), {}),
        ("anything", Tool("odd", "", {"properties": {"x": "nonsense", "y": {"type": "array"}}}), {}),
    ],
)
def test_fills_arguments_by_the_schema(said: str, chosen: Tool, filled: dict[str, Any]) -> None:
    assert json.loads(arguments(said, chosen)) == filled


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ('{"temperature": 7, "feels_like": "cold", "rain": false}', "temperature 7, feels like cold, rain no"),
        ('["a", 2, null]', "a, 2, nothing"),
        ("It is sunny.", "It is sunny."),
        ('{"a": {"b": true}}', "a b yes"),
        ("7", "7"),
    ],
)
def test_reads_a_result_out(output: str, said: str) -> None:
    assert spoken_result(output) == said


def test_words_that_carry_meaning() -> None:
    assert content_words("getUserLights of the room") == {"light", "room"}
