from typing import Any

from mediaserver.events import ResponseCreated, ResponseDone
from mediaserver.items import Item, Part, Usage
from signaling.realtime.reply import Reply, write_usage


def make() -> tuple[Reply, list[tuple[str, dict[str, Any]]]]:
    said: list[tuple[str, dict[str, Any]]] = []
    reply = Reply(ResponseCreated("resp_1"), lambda name, /, **fields: said.append((name, fields)), "conv_1")
    return reply, said


def test_items_are_numbered_in_the_order_in_which_they_come() -> None:
    reply, said = make()
    reply.text("item_a", "a")
    reply.call(Item("item_b", "function_call", call_id="c", name="f", arguments="{}"))
    added = [fields["output_index"] for name, fields in said if name == "response.output_item.added"]
    assert added == [0, 1]


def test_everything_is_said_once() -> None:
    reply, said = make()
    reply.text("item_a", "a")
    reply.text_done("item_a", "a")
    reply.text_done("item_a", "a")
    done = Item("item_a", "message", "assistant", (Part("output_audio", "a"),))
    reply.item_done(done)
    reply.item_done(done)
    reply.end(ResponseDone("resp_1"))
    names = [name for name, _ in said]
    assert len(names) == len(set(names))


def test_an_answer_without_content_has_no_parts() -> None:
    reply, said = make()
    reply.begin()
    reply.end(ResponseDone("resp_1", "failed"))
    assert [name for name, _ in said] == ["response.created", "response.done"]


def test_usage_adds_up() -> None:
    usage = write_usage(Usage(input_tokens=10, output_tokens=4, cached_tokens=6))
    assert usage is not None
    assert usage["total_tokens"] == 14
    assert usage["input_token_details"]["cached_tokens"] == 6
    assert write_usage(None) is None
