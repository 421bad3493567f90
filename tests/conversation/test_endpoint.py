import pytest

from mediaserver.conversation.endpoint import QUIET_MS, patience_ms, unfinished


@pytest.mark.parametrize(
    "text", ["I would like to", "because", "one, two,", "well um", "the", "und dann die", "wait \u2014"]
)
def test_sentences_that_must_go_on(text: str) -> None:
    assert unfinished(text)


@pytest.mark.parametrize(
    "text", ["what time is it", "where are you from", "what can you do", "turn it on", "I said to.", "yes", "", "stop!"]
)
def test_sentences_that_may_end(text: str) -> None:
    assert not unfinished(text)


def test_the_longest_waits_are_the_documented_ones() -> None:
    waits = {eager: patience_ms(eager, "and") + QUIET_MS for eager in ("low", "medium", "auto", "high")}  # type: ignore[arg-type]
    assert waits == {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
