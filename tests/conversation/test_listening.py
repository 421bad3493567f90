from __future__ import annotations

from mediaserver.audio.inbound import Offset, Onset
from mediaserver.commands import BeginSpeech, Command, DropSpeech, EndSpeech
from mediaserver.conversation.listening import Listening
from mediaserver.conversation.outbox import Outbox
from mediaserver.settings import TurnDetection
from tests.audio.test_prosody import voice
from tests.conversation.test_outbox import Way
from tests.fakes.caller import LoudIsVoice, tone

SILENT = bytes(640)
LOUD = tone(20)


def listening(detection: TurnDetection | None, *, always: bool = False) -> tuple[Listening, Way]:
    way = Way()
    outbox = Outbox(way)
    outbox.open()
    return Listening(16000, detection, outbox, always=always, make_voice=LoudIsVoice), way


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
