from __future__ import annotations

import numpy as np
import pytest

from mediaserver.audio.hints import Hint
from mediaserver.audio.inbound import Offset, Onset
from mediaserver.audio.levels import dbfs
from mediaserver.commands import BeginSpeech, Command, DropSpeech, EndSpeech
from mediaserver.conversation.listening import Lately, Listening
from mediaserver.conversation.outbox import Outbox
from mediaserver.settings import TurnDetection
from tests.audio.test_likeness import PER_MS, pcm, spoken, through_a_room
from tests.audio.test_prosody import voice
from tests.clips import clip
from tests.conversation.test_outbox import Way
from tests.fakes.caller import LoudIsVoice, tone

SILENT = bytes(640)
LOUD = tone(20)


def listening(
    detection: TurnDetection | None, *, always: bool = False, lately: Lately | None = None
) -> tuple[Listening, Way]:
    way = Way()
    outbox = Outbox(way)
    outbox.open()
    one = Listening(16000, detection, outbox, always=always, make_voice=LoudIsVoice, lately=lately, play_rate=16000)
    return one, way


def commands(way: Way) -> list[Command]:
    return [one for one in way.came if isinstance(one, Command)]


def frames(way: Way) -> list[bytes]:
    return [one for one in way.came if isinstance(one, bytes)]


def test_a_turn_has_its_padding_its_frames_and_its_end() -> None:
    one, way = listening(TurnDetection(prefix_padding_ms=200, silence_duration_ms=100))
    for _ in range(50):
        assert one.hear(SILENT) is None
    edges = [one.hear(LOUD) for _ in range(3)]
    assert edges == [None, None, Onset(1000)]
    assert one.begin("a", 1000) == 800
    assert frames(way) == [SILENT] * 10 + [LOUD] * 3
    assert [one.hear(SILENT) for _ in range(5)][-1] == Offset(1060, 60)
    one.end("a")
    one.hear(LOUD)
    assert commands(way) == [BeginSpeech(item_id="a"), EndSpeech(item_id="a")]
    assert len(frames(way)) == 18


def answered(lag_ms: int, voice: str | None, *, loss_db: float = 6, at_ms: int = 0) -> list[tuple[int, Hint | Onset]]:
    """A line of which nothing is known: our first reply comes back after ``lag_ms``, or another voice begins at ``at_ms``.

    Returns what was found, and how long after the sound in the microphone began.
    """
    ours = spoken("librivox_0880")[: 1200 * PER_MS]
    if voice is None:
        microphone, began = through_a_room(ours, lag_ms, loss_db), lag_ms
    else:
        microphone, began = np.concatenate([np.zeros(at_ms * PER_MS), spoken(voice)])[: len(ours)], at_ms
    sound = pcm(ours)
    clock = [0]

    def lately(ms: int) -> bytes:
        return sound[max(0, clock[0] - ms) * 32 : clock[0] * 32]

    one, _ = listening(TurnDetection(), lately=lately)
    found = []
    for start in range(0, 1200, 20):
        clock[0] = start
        edge = one.hear(pcm(microphone[start * PER_MS : (start + 20) * PER_MS]), dbfs(lately(20)))
        if isinstance(edge, Hint | Onset):
            found.append((start + 20 - began, edge))
    return found


@pytest.mark.parametrize("lag_ms", [100, 200, 320, 500])
def test_the_echo_of_our_first_words_is_no_hint_of_a_voice(lag_ms: int) -> None:
    assert [edge for _, edge in answered(lag_ms, None)] == []


@pytest.mark.skipif(not clip("something").human, reason="where nobody was recorded, all clips are one voice")
@pytest.mark.parametrize("at_ms", [40, 160, 300, 440])
@pytest.mark.parametrize("voice", ["something", "goforward"])
def test_another_voice_in_our_first_words_is_hinted_at_before_the_line_is_known(voice: str, at_ms: int) -> None:
    after_ms, first = answered(0, voice, at_ms=at_ms)[0]
    assert isinstance(first, Hint | Onset)
    assert after_ms <= 140


def test_speech_begins_where_it_was_likely_first() -> None:
    """A voice as loud as ours may be an echo until ours has been silent for long enough; its first word is kept."""
    one, way = listening(TurnDetection(prefix_padding_ms=0), lately=lambda _ms: b"")
    for _ in range(10):
        one.hear(SILENT, -15.0)
    hint, *_ = [found for found in [one.hear(LOUD, -15.0) for _ in range(5)] if found is not None]
    assert hint == Hint(200, 1000, ours=True)
    edges = [found for found in [one.hear(LOUD) for _ in range(40)] if found is not None]
    assert edges == [Onset(200)]
    one.begin("a", 200)
    assert len([frame for frame in frames(way) if frame == LOUD]) >= 30


def test_without_our_own_sound_there_are_no_hints() -> None:
    one, _ = listening(TurnDetection())
    for _ in range(10):
        one.hear(SILENT, -60.0)
    assert [one.hear(LOUD, -15.0) for _ in range(2)] == [None, None]


def test_a_bridge_that_always_hears_gets_no_marks() -> None:
    one, way = listening(TurnDetection(), always=True)
    for _ in range(10):
        one.hear(LOUD)
    one.begin("a", 0)
    one.end("a")
    assert way.came == [LOUD] * 10


def test_by_hand_the_sound_goes_on_its_way_at_the_first_voice() -> None:
    one, way = listening(None)
    for _ in range(100):
        one.begin_manual(one.hear(SILENT), "a")
    assert way.came == []
    for _ in range(10):
        one.begin_manual(one.hear(LOUD), "a")
    assert one.item_id == "a"
    assert frames(way)[:50] == [SILENT] * 50  # one second before the voice
    assert len(frames(way)) == 60
    one.end("a")
    assert commands(way) == [BeginSpeech(item_id="a"), EndSpeech(item_id="a")]
    assert not one.committable


def test_by_hand_what_was_too_quiet_to_find_is_committed_all_the_same() -> None:
    one, way = listening(None)
    for _ in range(20):
        one.hear(SILENT)
    assert one.committable
    one.end("a")
    assert len(frames(way)) == 20


def test_clearing_forgets_all_of_it() -> None:
    one, way = listening(None)
    for _ in range(20):
        one.begin_manual(one.hear(LOUD), "a")
    one.clear()
    assert commands(way)[-1] == DropSpeech(item_id="a")
    assert not one.committable
    for _ in range(4):
        one.hear(SILENT)
    assert not one.committable


def test_another_mode_starts_clean() -> None:
    one, way = listening(None)
    for _ in range(20):
        one.begin_manual(one.hear(LOUD), "a")
    one.configure(TurnDetection())
    assert commands(way)[-1] == DropSpeech(item_id="a")
    one.configure(TurnDetection())
    assert len(commands(way)) == 2


def test_how_a_voice_ended_is_looked_at_where_that_decides() -> None:
    for kind, always, looked in (
        ("semantic_vad", False, True),
        ("semantic_vad", True, False),
        ("server_vad", False, False),
    ):
        one, _ = listening(TurnDetection(kind, silence_duration_ms=200), always=always)  # type: ignore[arg-type]
        said = SILENT * 25 + voice([120, 120, 95])
        edges = [one.hear(said[at : at + 640]) for at in range(0, len(said) - 639, 640)]
        edges += [one.hear(SILENT) for _ in range(10)]
        (offset,) = [edge for edge in edges if isinstance(edge, Offset)]
        assert (offset.prosody is not None) is looked
        if offset.prosody is not None and offset.prosody.pitch_st is not None:
            assert offset.prosody.pitch_st < -1
