"""Google Cloud Speech-to-Text v2, against a server that reads every request as the official client's type."""

import pytest

from mediaserver.errors import ConfigError
from mediaserver.items import Usage
from mediaserver.speech import SpokenSegment, SpokenWord
from tests.bridges.stt.engines import file, open_stt, opened, say, tone, write_down
from tests.servers.google_speech import google_speech
from tests.servers.google_tokens import account_key, token_server


async def test_a_turn_is_written_down() -> None:
    async with opened("google", billed_project="other") as (server, stt):
        transcript = await say(stt, tone(), language="en", prompt="is not Google's business")
    assert (transcript.text, transcript.language) == ("Hello there.", "en")
    assert transcript.usage == Usage(seconds=1.0, source="provider")
    config = server.requests[0].config
    assert (config.model, list(config.language_codes)) == ("chirp_3", ["en-US"])
    assert config.features.enable_automatic_punctuation and not config.features.enable_word_time_offsets
    assert server.targets == ["/v2/projects/p/locations/us/recognizers/_:recognize"]
    assert server.headers[0]["X-Goog-Api-Key"] == "k" and server.headers[0]["X-Goog-User-Project"] == "other"


async def test_the_token_and_the_project_are_those_of_the_service_account() -> None:
    async with token_server() as tokens, google_speech() as server:
        told = {"engine": "google", "credentials": tokens.key, "url": server.url}
        async with open_stt(told) as stt:
            await say(stt, tone())
            await say(stt, tone())
    assert [headers["Authorization"] for headers in server.headers] == ["Bearer ya29.0"] * 2
    assert server.targets[0].startswith("/v2/projects/a-project/") and tokens.requests == 1


async def test_words_and_segments_of_a_file() -> None:
    async with opened("google", language="de") as (server, stt):
        pieces, transcript = await write_down(stt, file(), words=True, segments=True, keywords=("Neme",))
    assert pieces == [] and transcript.duration == 0.5
    assert transcript.words == (
        SpokenWord("Hello", 0.0, 0.4, confidence=0.8),
        SpokenWord("there.", 1.0, 1.4, confidence=0.8),
    )
    assert transcript.segments == (SpokenSegment("Hello", 0.0, 0.5), SpokenSegment("there.", 1.0, 1.5))
    config = server.requests[0].config
    assert list(config.language_codes) == ["de-DE"]
    assert config.adaptation.phrase_sets[0].inline_phrase_set.phrases[0].value == "Neme"


async def test_who_speaks() -> None:
    async with opened("google") as (_, stt):
        _, transcript = await write_down(stt, file(), speakers=True)
    assert [(word.text, word.speaker) for word in transcript.words] == [("Hello", "1"), ("there.", "2")]
    assert transcript.segments == (SpokenSegment("Hello", 0.0, 0.4, "1"), SpokenSegment("there.", 1.0, 1.4, "2"))


async def test_what_is_billed_is_counted_here_where_google_does_not_say() -> None:
    async with opened("google") as (server, stt):
        server.counts = False
        assert (await say(stt, tone())).usage == Usage(seconds=0.5)


async def test_a_turn_is_no_longer_than_a_request_may_be() -> None:
    async with opened("google", max_turn_s=300) as (server, stt):
        await say(stt, tone(1) * 61)
    assert server.billed_s == 60


async def test_credentials_that_are_none_are_refused_at_the_start() -> None:
    with pytest.raises(ConfigError):
        async with open_stt({"engine": "google", "credentials": "/nowhere.json"}):
            pass
    with pytest.raises(ConfigError):
        async with open_stt({"engine": "google", "credentials": account_key(project_id="")}):
            pass
