import json
from typing import Any

import pytest

from mediaserver import commands as c
from mediaserver.errors import Forbidden, TooLarge
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool
from signaling.realtime.effective import Effective
from signaling.realtime.reader import Append, Reader, Refused, Terms


def reader() -> Reader:
    return Reader(Effective(Settings("local", instructions="Be brief.", voice="en")))


def read(message: dict[str, Any]) -> c.Command:
    return reader().read(json.dumps(message))


MESSAGE = {"id": "i", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
ITEM = Item("i", "message", "user", (Part("input_text", "hi"),))


@pytest.mark.parametrize(
    ("message", "command"),
    [
        ({"type": "input_audio_buffer.commit"}, c.CommitInput(event_id="e1")),
        ({"type": "input_audio_buffer.clear"}, c.ClearInput(event_id="e1")),
        ({"type": "output_audio_buffer.clear"}, c.ClearOutput(event_id="e1")),
        (
            {"type": "conversation.item.create", "item": MESSAGE, "previous_item_id": "root"},
            c.CreateItem(event_id="e1", item=ITEM, previous_item_id="root"),
        ),
        ({"type": "conversation.item.retrieve", "item_id": "i"}, c.RetrieveItem(event_id="e1", item_id="i")),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 5},
            c.TruncateItem(event_id="e1", item_id="i", content_index=0, audio_end_ms=5),
        ),
        ({"type": "conversation.item.delete", "item_id": "i"}, c.DeleteItem(event_id="e1", item_id="i")),
        ({"type": "response.create"}, c.CreateResponse(event_id="e1")),
        ({"type": "response.cancel", "response_id": "r"}, c.CancelResponse(event_id="e1", response_id="r")),
        (
            {"type": "session.update", "session": {"type": "realtime", "instructions": "x"}},
            c.UpdateSession(event_id="e1", settings=Settings("local", instructions="x", voice="en")),
        ),
    ],
)
def test_every_event_becomes_its_command(message: dict[str, Any], command: c.Command) -> None:
    assert read(message | {"event_id": "e1"}) == command


def test_a_response_may_differ_from_the_session() -> None:
    said = {
        "instructions": "shout",
        "output_modalities": ["text"],
        "audio": {"output": {"voice": "cedar"}},
        "tools": [{"type": "function", "name": "f"}],
        "conversation": "none",
        "metadata": {"k": "v"},
        "input": [MESSAGE],
    }
    command = read({"type": "response.create", "response": said})
    assert isinstance(command, c.CreateResponse)
    assert command.settings == Settings(
        "local", instructions="shout", output_modalities=("text",), voice="cedar", tools=(Tool("f"),)
    )
    assert (command.instructions, command.voice, command.output_modalities) == ("shout", "cedar", ("text",))
    assert command.out_of_band and command.input == (ITEM,) and command.metadata == (("k", "v"),)


def test_updates_add_up() -> None:
    one = reader()
    one.read('{"type": "session.update", "session": {"instructions": "a"}}')
    command = one.read('{"type": "session.update", "session": {"audio": {"output": {"speed": 1.5}}}}')
    assert isinstance(command, c.UpdateSession)
    assert (command.settings.instructions, command.settings.speed) == ("a", 1.5)


def test_a_refused_update_leaves_no_trace() -> None:
    one = reader()
    with pytest.raises(Refused):
        one.read('{"type": "session.update", "session": {"instructions": "a", "output_modalities": ["text", "audio"]}}')
    assert one.effective.settings.instructions == "Be brief."


TRUNCATE = {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0}


def create(**response: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": response}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": 5}, "invalid_value", "type"),
        ({"type": "response.think"}, "invalid_value", "type"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "unsupported_over_webrtc", "audio"),
        ({"type": "conversation.item.delete"}, "missing_required_parameter", "item_id"),
        ({"type": "conversation.item.delete", "item_id": 5}, "invalid_type", "item_id"),
        ({"type": "response.create", "extra": 1}, "unknown_parameter", "extra"),
        (create(modalities=[]), "unknown_parameter", "response.modalities"),
        (create(tools=[{"type": "web_search"}]), "unsupported_by_provider", "response.tools[0].type"),
        (create(input=[{"type": "image"}]), "invalid_request", "response.input[0].type"),
        (TRUNCATE | {"audio_end_ms": -1}, "invalid_value", "audio_end_ms"),
        (TRUNCATE | {"audio_end_ms": "1"}, "invalid_type", "audio_end_ms"),
        (update(api_key="x"), "unknown_parameter", "session.api_key"),
        (update(output_modalities=["text", "audio"]), "invalid_value", "session.output_modalities"),
    ],
)
def test_what_is_wrong_is_named_with_the_clients_event(message: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        read(message | {"event_id": "mine"})
    assert (refused.value.error.code, refused.value.error.param, refused.value.event_id) == (code, param, "mine")


@pytest.mark.parametrize("text", ["{", b'{"type": "response.create"}', b"\0", '{"event_id": 5, "type": "x"}'])
def test_a_name_that_cannot_be_read_is_left_out(text: str | bytes) -> None:
    with pytest.raises(Refused) as refused:
        reader().read(text)
    assert refused.value.event_id is None


def test_sound_is_for_the_socket_that_it_came_on() -> None:
    one = Reader(Effective(Settings("local")), Terms(sound=True))
    assert one.read('{"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "e"}') == Append(
        event_id="e", audio="AAAA"
    )
    escaped = '{"type": "input_audio_buffer\\u002eappend", "audio": "AAAA"}'
    assert one.read(escaped) == Append(audio="AAAA")
    with pytest.raises(Refused) as refused:
        one.read('{"type": "input_audio_buffer.append", "audio": "AAAA", "pad": "' + "x" * (1 << 20) + '"}')
    assert isinstance(refused.value.error, TooLarge)
    long = "A" * (8 << 20)
    assert one.read('{"type": "input_audio_buffer.append", "audio": "' + long + '"}') == Append(audio=long)


@pytest.mark.parametrize("audio", ["AAA", "not base64!", "ä"])
def test_sound_that_is_not_base64_is_refused_by_its_name(audio: str) -> None:
    assert Append(audio="AAAA").sound() == bytes(3)
    with pytest.raises(Refused) as refused:
        Append(event_id="e", audio=audio).sound()
    error = refused.value.error
    assert (error.code, error.param, refused.value.event_id) == ("invalid_value", "audio", "e")


def test_an_item_of_the_conversation_is_named() -> None:
    command = read(create(input=[{"type": "item_reference", "id": "item_1"}, MESSAGE]))
    assert isinstance(command, c.CreateResponse) and command.input == ("item_1", ITEM)
    with pytest.raises(Refused) as refused:
        read(create(input=[{"type": "item_reference"}]))
    assert refused.value.error.param == "response.input[0].id"


def test_a_session_keeps_its_kind_and_one_that_writes_down_answers_nothing() -> None:
    one = Reader(Effective(Settings("local", kind="transcription")))
    for event, code in ((update(type="realtime"), "invalid_value"), (create(), "unsupported_session_type")):
        with pytest.raises(Refused) as refused:
            one.read(json.dumps(event))
        assert refused.value.error.code == code
    assert isinstance(one.read(json.dumps(update(type="transcription"))), c.UpdateSession)


def test_nobody_goes_beyond_his_grant() -> None:
    def no(what: object) -> None:
        raise Forbidden("no", code="not_allowed", param="x")

    one = Reader(Effective(Settings("local")), Terms(permit=no))
    other = Reader(Effective(Settings("local")), Terms(permit_model=no))
    for each, event in ((one, update(instructions="x")), (one, create()), (other, update(model="better"))):
        with pytest.raises(Refused) as refused:
            each.read(json.dumps(event))
        assert refused.value.error.code == "not_allowed"
    other.read(json.dumps(update(model="local")))
    assert one.effective.settings.instructions == ""
