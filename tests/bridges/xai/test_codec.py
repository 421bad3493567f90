import json

import pytest

from bridges.options import Xai
from bridges.xai.codec import VOICES, XaiCodec
from mediaserver.bridge import Opening
from mediaserver.commands import CreateItem, Respond, TruncateItem
from mediaserver.errors import Unsupported
from mediaserver.events import Resumable, TranscriptFinal, TranscriptPartial, UsageReported
from mediaserver.items import Item, Part, Usage
from mediaserver.settings import Settings
from tests.bridges.openai.test_codec import tell

ITEM = Item("i", role="user", parts=(Part("input_text", "hello"),))
NAME = "conversation.item.input_audio_transcription"


def opened(opening: Opening | None = None, **told: bool) -> XaiCodec:
    codec = XaiCodec(Xai(**told))
    assert codec.open(opening or Opening(Settings("m"))) == ()
    return codec


def kinds(codec: XaiCodec) -> list[str]:
    return [json.loads(message)["type"] for message in codec.replies()]


def test_the_first_word_is_xais_whichever_it_is() -> None:
    codec = opened(Opening(Settings("m"), history=(ITEM,)))
    assert tell(codec, "conversation.created", conversation={"id": "cv_1"}) == [Resumable("cv_1", live=True)]
    assert kinds(codec) == ["session.update", "conversation.item.create"]
    assert tell(codec, "session.created", session={}) == []
    assert kinds(codec) == []
    assert not codec.ready
    tell(codec, "session.updated", session={})
    assert codec.ready
    codec = opened()
    tell(codec, "session.created")
    assert kinds(codec) == ["session.update"]


def test_what_is_resumed_knows_its_history() -> None:
    codec = opened(Opening(Settings("m"), history=(ITEM,), resume="cv_1"))
    tell(codec, "conversation.created", conversation={"id": "cv_1"})
    assert kinds(codec) == ["session.update"]


def test_without_resumption_there_is_no_handle() -> None:
    codec = opened(resume=False)
    assert tell(codec, "conversation.created", conversation={"id": "cv_1"}) == []
    (update,) = codec.replies()
    assert "resumption" not in json.loads(update)["session"]
    assert "resume" not in codec.capabilities.can


def test_transcripts_are_cumulative_and_end_when_they_are_no_more_in_progress() -> None:
    codec = opened()
    assert tell(codec, f"{NAME}.updated", item_id="i", transcript="what") == [TranscriptPartial("i", "what", 4)]
    told = tell(codec, f"{NAME}.completed", item_id="i", transcript="what time", status="in_progress")
    assert told == [TranscriptPartial("i", "what time", 9)]
    assert tell(codec, f"{NAME}.completed", item_id="i", transcript="What time?") == [
        TranscriptFinal("i", "What time?")
    ]
    assert tell(codec, f"{NAME}.completed", item_id="i", transcript="What time?") == []
    assert tell(codec, f"{NAME}.updated", item_id="i", transcript="late") == []


def test_pings_are_dropped_and_what_is_unknown_counted() -> None:
    codec = opened()
    assert tell(codec, "ping", timestamp=1) == []
    assert tell(codec, "something.new") == []
    assert dict(codec.unknown) == {"something.new": 1}


def test_connected_seconds_are_metered_once() -> None:
    codec = opened()
    for _ in range(49):
        codec.hear(bytes(960))
    assert codec.quiet() == []
    codec.hear(bytes(960))
    assert codec.quiet() == [UsageReported(Usage(seconds=1.0), "session", "until-1000ms")]
    assert codec.quiet() == []


def test_written_items_are_metered_and_outputs_are_free() -> None:
    codec = opened()
    codec.encode(CreateItem(item=ITEM))
    codec.encode(CreateItem(item=Item("o", kind="function_call_output", call_id="c", output="done")))
    assert tell(codec, "ping") == [UsageReported(Usage(characters=5), "text_item", "i")]


def test_what_it_lacks() -> None:
    codec = opened()
    for command in (
        TruncateItem(item_id="i", content_index=0, audio_end_ms=1),
        Respond(response_id="r", settings=Settings("m"), out_of_band=True),
    ):
        with pytest.raises(Unsupported):
            codec.encode(command)
    offered = codec.capabilities
    assert not offered.can & {
        "truncate",
        "out_of_band",
        "semantic_vad",
        "token_usage",
        "rate_limits",
        "no_auto_response",
    }
    assert offered.voices == VOICES
    assert offered.max_session_s == 1800
