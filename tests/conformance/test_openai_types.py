import pytest
from pydantic import ValidationError

from tests.conformance.openai_types import check_event


def test_accepts_an_event_of_the_sdk() -> None:
    assert check_event({"type": "input_audio_buffer.cleared", "event_id": "event_1"}) == "input_audio_buffer.cleared"


def test_notices_a_field_too_many_at_any_depth() -> None:
    error = {"type": "t", "code": None, "message": "m", "param": None, "event_id": None, "extra": 1}
    with pytest.raises(AssertionError, match="extra"):
        check_event({"type": "error", "event_id": "event_1", "error": error})


def test_notices_a_missing_field_and_an_unknown_type() -> None:
    with pytest.raises(ValidationError):
        check_event({"type": "input_audio_buffer.speech_started", "event_id": "event_1", "item_id": "item_1"})
    with pytest.raises((ValidationError, AssertionError)):
        check_event({"type": "response.thought", "event_id": "event_1"})
