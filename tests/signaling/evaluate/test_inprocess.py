import pytest

from mediaserver.audio.vad import LevelVoice
from mediaserver.configfile import parse
from mediaserver.errors import ConfigError
from mediaserver.settings import TurnDetection
from signaling.evaluate.inprocess import Policy, policy_of, rehearse
from tests.signaling.evaluate.stage import scored

ASK = "replies: [{seconds: 3}]\ncaller: [{say: what time is it in there}"


def voiced(monkeypatch):
    """A hum is no voice to the real detector: let whatever sounds be one."""

    class Loud:
        def __init__(self, *_args, **_kwargs):
            pass

        def voiced(self, frame):
            return any(frame)

    monkeypatch.setattr("mediaserver.audio.vad.WebRtcVoice.voiced", Loud().voiced.__func__)


def test_a_turn_is_heard_and_answered_and_the_caller_hangs_up(monkeypatch):
    voiced(monkeypatch)
    take = rehearse(scored(ASK + "]"))
    (said,) = take.said
    assert take.problem == "" and take.unsaid == []
    assert [seen.facts["text"] for seen in take.seen if seen.what == "transcript"] == ["what time is it in there"]
    ((start, end),) = take.reply
    assert end - start == 3000 and start > said.end_ms
    assert take.seen[-1].facts == {"reason": "client_closed"}
    (measured,) = [seen.facts["stages"] for seen in take.seen if seen.what == "turn"]
    assert {name for name, _ in measured} >= {"end_of_turn", "transcript", "model", "speech"}


def test_the_same_script_gives_the_same_call(monkeypatch):
    voiced(monkeypatch)
    body = ASK + ", {say: stop it now please, kind: barge_in, when: {reply_ms: 900}}]"
    one, other = rehearse(scored(body)), rehearse(scored(body))
    assert one.seen == other.seen and one.reply == other.reply
    assert one.moments("interrupted") and one.said[1].start_ms == one.reply[0][0] + 900


def test_the_detection_can_be_chosen(monkeypatch):
    voiced(monkeypatch)
    quick = rehearse(scored(ASK + "]"), Policy(TurnDetection(silence_duration_ms=200)))
    slow = rehearse(scored(ASK + "]"), Policy(TurnDetection(silence_duration_ms=900)))
    assert slow.moments("committed")[0] - quick.moments("committed")[0] == 700


def test_turns_are_taken_as_a_server_with_this_configuration_would():
    config = parse(b"turns: {silence_duration_ms: 250, detector: levels}")
    policy = policy_of(config)
    assert policy.detection.silence_duration_ms == 250 and policy.make_voice is LevelVoice
    assert policy_of(config, "semantic_vad").detection.kind == "semantic_vad"


def test_without_turn_detection_there_is_nothing_to_evaluate():
    with pytest.raises(ConfigError):
        policy_of(parse(b"turns: {detection: 'off'}"))


def test_a_model_of_turns_is_asked_as_in_a_call(monkeypatch):
    voiced(monkeypatch)

    def ended(probability):
        shown = []
        policy = Policy(TurnDetection("semantic_vad"), end_model=lambda pcm: shown.append(len(pcm)) or probability)
        (ended_ms,) = rehearse(scored(ASK + "]"), policy).moments("committed")
        assert len(shown) == 1
        return ended_ms

    soon, later, late = ended(0.95), ended(0.5), ended(0.05)
    assert soon < later < late


def test_a_model_of_turns_is_that_of_the_configuration():
    with pytest.raises(ConfigError, match=r"turns\.end_model"):
        policy_of(parse(b"turns: {end_model: /nowhere.onnx}"))
    assert policy_of(parse(b"{}")).end_model is None
