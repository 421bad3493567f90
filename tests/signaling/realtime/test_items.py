import pytest

from mediaserver.errors import BadRequest
from mediaserver.items import Item, Part
from signaling.realtime.items import read_item, write_item
from signaling.realtime.parse import typed
from signaling.realtime.wire import WireItem


def read(said: object) -> Item:
    return read_item(typed(said, WireItem, "item"), "item")


@pytest.mark.parametrize(
    "item",
    [
        Item("i", "message", "user", (Part("input_text", "hi"), Part("input_audio", "there"))),
        Item("i", "message", "system", (Part("input_text", "be kind"),)),
        Item("i", "message", "assistant", (Part("output_text", "yes"),)),
        Item("i", "function_call", call_id="c", name="f", arguments="{}"),
        Item("i", "function_call_output", call_id="c", output="4"),
    ],
)
def test_reads_what_it_writes(item: Item) -> None:
    assert read(write_item(item)) == item


def test_an_item_without_a_name_gets_one() -> None:
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    assert read(said).id.startswith("item_")
    assert read(said).id != read(said).id


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"type": "mcp_call"}, "item.type"),
        ({"type": "message"}, "item.role"),
        ({"type": "message", "role": "user"}, "item.content"),
        (
            {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "x"}]},
            "item.content[0].type",
        ),
        ({"type": "message", "role": "user", "content": [{"type": "input_text"}]}, "item.content[0].text"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]},
            "item.content[0].audio",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "x"}]},
            "item.content[0].type",
        ),
        ({"type": "function_call", "name": "f"}, "item.arguments"),
        ({"type": "function_call_output", "output": "x"}, "item.call_id"),
        ({"type": "message", "role": "robot"}, "item.role"),
    ],
)
def test_names_what_is_wrong(said: object, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(said)
    assert refused.value.param == param


def test_an_unknown_transcript_is_null() -> None:
    written = write_item(Item("i", "message", "user", (Part("input_audio"),)))
    assert written["content"] == [{"type": "input_audio", "transcript": None}]
