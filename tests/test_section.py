import msgspec
import pytest

from mediaserver.section import Secret, Section

CANARY = "canary-7f3a"


def test_a_secret_shows_nothing() -> None:
    assert repr(Secret(CANARY)) == "***" and str(Secret(CANARY)) == "***" and f"{Secret(CANARY)}" == "***"
    assert Secret(CANARY).reveal() == CANARY
    assert Secret("a") == Secret("a") != Secret("b") and len({Secret("a"), Secret("a")}) == 1


def test_a_section_refuses_what_it_does_not_know() -> None:
    class Small(Section, frozen=True):
        known: int = 1

    with pytest.raises(msgspec.ValidationError, match="unknown"):
        msgspec.convert({"known": 1, "other": 2}, Small)
