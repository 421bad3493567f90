from typing import get_args

from openai.types.realtime import RealtimeClientEvent

from signaling.realtime.wire import BY_TYPE, CLIENT_EVENTS


def _type_of(model: type) -> str:
    return str(get_args(model.model_fields["type"].annotation)[0])


def test_there_are_the_eleven_events_of_the_contract() -> None:
    union = get_args(get_args(RealtimeClientEvent)[0])
    assert {_type_of(model) for model in union} == set(BY_TYPE)
    assert len(CLIENT_EVENTS) == 11


def test_every_field_that_the_sdk_can_send_is_known() -> None:
    union = get_args(get_args(RealtimeClientEvent)[0])
    for model in union:
        known = set(BY_TYPE[_type_of(model)].__struct_fields__) | {"type"}
        assert set(model.model_fields) <= known, model
