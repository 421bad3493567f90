import json

import pytest

from mediaserver.commands import UpdateSession
from mediaserver.events import Problem, SessionCreated, SessionUpdated
from mediaserver.settings import Settings
from signaling.realtime.codec import RealtimeCodec, Refused
from signaling.realtime.effective import Effective


def make() -> RealtimeCodec:
    codec = RealtimeCodec(Effective(Settings("local")))
    codec.write(SessionCreated("sess_1", Settings("local")))
    return codec


def update(codec: RealtimeCodec, **session: object) -> UpdateSession:
    command = codec.read(json.dumps({"type": "session.update", "session": session}))
    assert isinstance(command, UpdateSession)
    return command


def test_an_update_is_echoed_with_what_only_echoes() -> None:
    codec = make()
    command = update(codec, tracing="auto", instructions="x")
    [text] = codec.write(SessionUpdated(command.settings))
    session = json.loads(text)["session"]
    assert (session["tracing"], session["instructions"], session["id"]) == ("auto", "x", "sess_1")


def test_two_updates_on_their_way_do_not_undo_each_other() -> None:
    codec = make()
    first, second = update(codec, instructions="x"), update(codec, audio={"output": {"voice": "v"}})
    codec.write(SessionUpdated(first.settings))
    third = update(codec, tool_choice="none")
    assert (third.settings.instructions, third.settings.voice) == ("x", "v")
    codec.write(SessionUpdated(second.settings))
    codec.write(SessionUpdated(third.settings))
    assert codec.effective.settings == third.settings


def test_what_the_session_made_of_an_update_is_the_base_of_the_next() -> None:
    codec = make()
    update(codec, audio={"output": {"voice": "unknown"}})
    codec.write(SessionUpdated(Settings("local", voice="en")))
    assert update(codec, instructions="x").settings.voice == "en"


def test_a_refusal_is_raised() -> None:
    with pytest.raises(Refused):
        make().read("{")


def test_an_update_that_the_session_refuses_leaves_no_trace() -> None:
    codec = make()
    update(codec, tracing="auto", instructions="refused")
    codec.write(Problem("not between turns"))
    again = update(codec, audio={"output": {"voice": "v"}})
    assert again.settings.instructions == ""
    [text] = codec.write(SessionUpdated(again.settings))
    assert json.loads(text)["session"]["tracing"] is None


def test_what_is_not_yet_in_force_does_not_count() -> None:
    codec = make()
    update(codec, audio={"input": {"transcription": None}})
    assert codec.effective.settings.transcription is not None
