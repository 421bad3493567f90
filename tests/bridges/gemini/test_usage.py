from bridges.gemini.usage import Tokens, usage
from bridges.gemini.wire import ModalityCount, UsageMetadata


def test_what_the_details_leave_over_is_text_and_thinking_is_output() -> None:
    counted = usage(
        UsageMetadata(
            prompt_token_count=522,
            response_token_count=42,
            thoughts_token_count=8,
            cached_content_token_count=100,
            prompt_tokens_details=[ModalityCount("TEXT", 332), ModalityCount("AUDIO", 165), ModalityCount("IMAGE", 5)],
            response_tokens_details=[ModalityCount("AUDIO", 40)],
            cache_tokens_details=[ModalityCount("AUDIO", 60)],
        )
    )
    assert (counted.input_tokens, counted.input_audio_tokens, counted.image_tokens) == (522, 165, 5)
    assert counted.input_text_tokens == 522 - 165 - 5
    assert (counted.output_tokens, counted.output_audio_tokens, counted.output_text_tokens) == (50, 40, 10)
    assert (counted.thinking_tokens, counted.cached_tokens, counted.cached_audio_tokens) == (8, 100, 60)
    assert counted.source == "provider"


def test_the_last_count_of_an_answer_is_the_whole_and_is_settled_once() -> None:
    tokens = Tokens(cumulative=False)
    for count in (3, 7):
        tokens.news()
        tokens.count(UsageMetadata(prompt_token_count=count))
    settled = tokens.settle()
    assert settled is not None
    assert settled.input_tokens == 7
    assert tokens.settle() is None


def test_a_count_that_is_told_twice_counts_once_and_an_equal_one_of_another_turn_counts() -> None:
    tokens = Tokens(cumulative=False)
    told = UsageMetadata(prompt_token_count=3)
    tokens.count(told)
    assert tokens.settle() is not None
    tokens.count(told)
    assert tokens.settle() is None
    tokens.news()
    tokens.count(told)
    assert tokens.settle() is not None


def test_counts_of_a_session_are_told_apart() -> None:
    tokens = Tokens(cumulative=True)
    told = []
    for count in (10, 25, 25):
        tokens.news()
        tokens.count(UsageMetadata(prompt_token_count=count, response_token_count=count * 2))
        settled = tokens.settle()
        assert settled is not None
        told.append((settled.input_tokens, settled.output_tokens))
    assert told == [(10, 20), (15, 30), (0, 0)]
