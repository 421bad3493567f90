"""A recorded conversation keeps its shape and its ids, and neither keys, sound nor words; tried on every simulator."""

import asyncio
import base64
import json
import wave

import pytest

from mediaserver.errors import BridgeError
from mediaserver.events import AudioDelta, ResponseDone, TextDone
from mediaserver.settings import Settings
from scripts import record
from tests.bridges import recorded
from tests.servers import toned
from tests.servers.fleet import FLEET
from tests.servers.provider import Faults

KEY = "key-of-the-simulator"
SETTINGS = Settings("m", instructions="Say nothing of the elephant.")
BY_SOUND = ("ultravox", "live")
"""Their dialects tell a reply's beginning and end by its sound, so that silence is another reply."""
SPEAKS = record.Caller(toned.speak(9, 4, 16000), 16000, pace=10.0, after_s=0.4)


def cleaned(message: dict, **cleaner) -> dict:
    row = record.Cleaner(**cleaner).row(json.dumps(message), sent=False)
    assert row["from"] == "server"
    return json.loads(row["text"])


@pytest.mark.parametrize("provider", FLEET)
async def test_a_spoken_turn_of_each_provider(provider, tmp_path, monkeypatch):
    tape = record.Tape(record.Cleaner((KEY,)))
    async with FLEET[provider].make() as simulator, asyncio.timeout(60):
        options = FLEET[provider].options(simulator)
        events = await record.record(provider, options, SPEAKS, SETTINGS, tape)
    assert any(isinstance(event, AudioDelta) for event in events)
    tape.write(tmp_path / provider / "spoken_turn.jsonl")
    text = (tmp_path / provider / "spoken_turn.jsonl").read_text()
    assert KEY not in text and "elephant" not in text

    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    rows = list(recorded.recorded(provider, "spoken_turn"))
    assert {sent for sent, _ in rows} == {True, False}
    again = replayed(provider, options, rows)
    assert provider in BY_SOUND or heard(again) == heard(events) > 0
    assert not b"".join(event.pcm for event in again if isinstance(event, AudioDelta)).strip(b"\0")
    ended = [event.response_id for event in events if isinstance(event, ResponseDone)]
    assert ended and any(isinstance(event, ResponseDone) for event in again)


def replayed(provider: str, options: dict, rows: list) -> list:
    """Return what the codec makes of a recording."""
    codec, _ = record.made(provider, options)
    codec.open(record.Opening(SETTINGS))
    told = []
    for sent, message in rows:
        told += [] if sent else codec.receive(message)
        codec.replies()
    return [*told, *codec.quiet()]


def heard(events: list) -> int:
    return sum(len(event.pcm) for event in events if isinstance(event, AudioDelta))


async def test_a_written_turn_with_its_words():
    tape = record.Tape(record.Cleaner((KEY,), keep_text=True))
    caller = record.Caller(text="count to three", pace=10.0, after_s=0.2)
    async with FLEET["openai"].make() as simulator, asyncio.timeout(60):
        events = await record.record("openai", FLEET["openai"].options(simulator), caller, SETTINGS, tape)
    words = next(event.text for event in events if isinstance(event, TextDone))
    texts = [row["text"] for row in tape.rows]
    assert any("elephant" in text for text in texts) and any(
        words in json.loads(text).get("transcript", "") for text in texts
    )


async def test_a_provider_that_fails_is_recorded_up_to_there():
    tape = record.Tape(record.Cleaner())
    caller = record.Caller(text="count to three", pace=10.0)
    async with FLEET["openai"].make(faults=Faults(close_mid_reply_ms=200)) as simulator, asyncio.timeout(60):
        with pytest.raises(BridgeError):
            await record.record("openai", FLEET["openai"].options(simulator), caller, SETTINGS, tape)
    assert any("response.created" in row["text"] for row in tape.rows)


async def test_a_silent_caller_hangs_up_in_the_end():
    tape = record.Tape(record.Cleaner())
    async with FLEET["openai"].make() as simulator, asyncio.timeout(60):
        options, caller = FLEET["openai"].options(simulator), record.Caller(pace=10.0, most_s=0.5)
        await record.record("openai", options, caller, SETTINGS, tape)
    assert tape.rows[-1]["times"] > 1, "as many as a busy machine lets it say in half a second"


def test_the_command_writes_what_it_is_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-nobody")
    question = tmp_path / "question.wav"
    with wave.open(str(question), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    nowhere = "--option=url=ws://127.0.0.1:9/v1/realtime"
    code = record.main(["openai", "nothing", "--wav", str(question), nowhere, "--out", str(tmp_path)])
    out = capsys.readouterr()
    assert code == 1 and "unavailable" in out.err and "127.0.0.1" not in out.err + out.out
    assert (tmp_path / "openai" / "nothing.jsonl").read_text() == ""


def test_a_missing_key_is_named(monkeypatch):
    with pytest.raises(SystemExit, match="AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_DEPLOYMENT"):
        record.options_of("azure", {"AZURE_OPENAI_API_KEY": "k"}, {})
    assert record.options_of("azure", {}, {"key": "k", "url": "u", "model": "m"}) == {
        "key": "k",
        "url": "u",
        "model": "m",
    }


def test_every_provider_can_be_recorded():
    assert record.CODECS.keys() == record.FROM_ENVIRONMENT.keys() == record.PROVIDERS.keys() - {"echo", "hybrid"}


def test_sound_becomes_silence_of_its_length():
    sound = base64.b64encode(b"\x01\x02" * 50).decode()
    silence = base64.b64encode(bytes(100)).decode()
    assert cleaned({"type": "response.output_audio.delta", "delta": sound})["delta"] == silence
    assert cleaned({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": sound}}]}}}) == {
        "serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": silence}}]}}
    }
    assert (
        cleaned({"type": "audio", "audio_event": {"audio_base_64": sound}})["audio_event"]["audio_base_64"] == silence
    )
    assert record.Cleaner().row(b"\x01\x02", sent=True) == {"from": "client", "binary": "AAA="}
    assert cleaned({"audio": "?noise?"}, keep_text=True) == {"audio": "?xxxxx?"}


def test_words_lose_their_letters_and_nothing_else():
    message = {
        "type": "response.done",
        "id": "resp_1",
        "transcript": "Hallo, Welt 7!",
        "note": "call me",
        "usage": {"n": 3},
    }
    assert cleaned(message) == message | {"transcript": "xxxxx, xxxx 7!", "note": "xxxx xx"}
    assert cleaned(message, keep_text=True) == message
    assert json.loads(cleaned({"arguments": '{"city": "Oslo", "n": 3}'})["arguments"]) == {"city": "xxxx", "n": 3}
    assert cleaned({"chars": ["H", "i"]}) == {"chars": ["x", "x"]}


def test_keys_are_gone_wherever_they_stand():
    message = {"client_secret": "ek_1", "note": "my sk-1 here", "deep": [{"token": "t"}]}
    assert cleaned(message, secrets=("sk-1",), keep_text=True) == {
        "client_secret": "removed",
        "note": "my removed here",
        "deep": [{"token": "removed"}],
    }


def test_what_is_no_json_is_not_kept():
    assert record.Cleaner().row("a secret {", sent=False) == {"from": "server", "text": ""}
    assert record.Cleaner().row(b"{\xff\x00", sent=False) == {"from": "server", "binary": "AAAA"}
