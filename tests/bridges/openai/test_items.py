import msgspec
import pytest

from bridges.openai.items import usage, wire_item
from bridges.openai.wire import UsageBody
from mediaserver.items import Item, Part, Usage
from tests.servers.openai_realtime import checked


@pytest.mark.parametrize(
    "item",
    [
        Item("i", role="system", parts=(Part("input_text", "a"),)),
        Item("i", role="user", parts=(Part("input_audio", "a"), Part("input_text", "b"))),
        Item("i", role="assistant", parts=(Part("output_audio", "a", "a and more"),)),
        Item("i", kind="function_call", call_id="c", name="f", arguments='{"a":1}'),
        Item("i", kind="function_call", call_id="c", name="f"),
        Item("i", kind="function_call_output", call_id="c", output="done"),
    ],
)
def test_every_kind_of_item_is_one_that_the_sdk_knows(item: Item) -> None:
    checked({"type": "conversation.item.create", "item": wire_item(item)})


def test_sound_becomes_what_was_said_and_heard() -> None:
    item = Item("i", role="assistant", parts=(Part("output_audio", "heard", "heard and unheard"),))
    told = wire_item(item, "text", named=False)
    assert told == {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "heard"}]}


def test_a_message_without_a_word_is_none() -> None:
    assert wire_item(Item("i", role="user", parts=(Part("input_audio"),))) is None
    assert wire_item(Item("i", role="user")) is None


def test_usage_by_kind_of_token() -> None:
    body = msgspec.json.decode(
        b"""{"total_tokens":253,"input_tokens":132,"output_tokens":121,
        "input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":3,"cached_tokens":64,
        "cached_tokens_details":{"text_tokens":60,"audio_tokens":4}},
        "output_token_details":{"text_tokens":30,"audio_tokens":91,"reasoning_tokens":7}}""",
        type=UsageBody,
    )
    assert usage(body) == Usage(132, 121, 119, 13, 30, 91, 64, 4, 3, 7, source="provider")


def test_usage_in_seconds_and_none_at_all() -> None:
    assert usage(UsageBody(seconds=2.5)) == Usage(seconds=2.5, source="provider")
    assert usage(UsageBody()) is None
    assert usage(None) is None
