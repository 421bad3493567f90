import msgspec
import pytest

from bridges.codec import Garbled
from bridges.openai import wire
from tests.servers.provider import GARBAGE


def test_fields_that_are_not_known_are_ignored_and_those_left_out_have_defaults() -> None:
    decoder = msgspec.json.Decoder(wire.ResponsePart)
    part = wire.read('{"type":"x","delta":"a","unknown":{"deep":[1]}}', decoder)
    assert (part.delta, part.response_id, part.item) == ("a", "", None)


@pytest.mark.parametrize("name", sorted(set(GARBAGE) - {"unknown_event", "huge_number", "bad_utf8", "oversize"}))
def test_garbage_is_told_without_its_content(name: str) -> None:
    with pytest.raises(Garbled) as garbled:
        wire.kind(GARBAGE[name])
    assert len(garbled.value.message) < 60


def test_what_is_only_unknown_or_huge_has_a_type() -> None:
    assert wire.kind(GARBAGE["unknown_event"]) == "brand.new.event"
    assert wire.kind(GARBAGE["huge_number"]) == "x"


def test_depth_does_not_break_the_reader_of_known_messages() -> None:
    decoder = msgspec.json.Decoder(wire.ResponseMessage)
    deep = '{"type":"response.done","response":{"id":"a","metadata":{"a":' + "[" * 50_000 + "]" * 50_000 + "}}}"
    with pytest.raises(Garbled):
        wire.read(deep, decoder)


@pytest.mark.parametrize("field", ['"delta":7', '"item":[]', '"item_id":null', '"delta":{"a":1}'])
def test_a_wrong_type_is_garbled(field: str) -> None:
    with pytest.raises(Garbled, match="another type"):
        wire.read('{"type":"x",' + field + "}", msgspec.json.Decoder(wire.ResponsePart))
