from typing import Any

import msgspec
import pytest

from bridges.llm import options


@pytest.mark.parametrize(
    ("struct", "told"),
    [
        (options.OpenAIChat, {}),
        (options.OpenAIChat, {"model": "m", "modle": "m"}),
        (options.OpenAIChat, {"model": "gpt-5-mini", "extra": {"top_p": 0.5}}),
        (options.XaiChat, {"model": "grok-4.7", "extra": {"stop": ["x"]}}),
        (options.GroqChat, {"model": "m", "extra": {"n": 2}}),
        (options.AzureChat, {"model": "m"}),
        (options.Anthropic, {"model": "m", "max_tokens": 0}),
        (options.Anthropic, {"model": "m", "cache": "1d"}),
        (options.GeminiChat, {"model": "m", "thinking": "low", "thinking_budget": 0}),
    ],
)
def test_refuses_what_cannot_be(struct: type[msgspec.Struct], told: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, struct)


def test_a_model_whose_name_misleads_can_be_described() -> None:
    told = {"model": "gpt-5-mini", "extra": {"top_p": 0.5}, "reasoning": False}
    assert msgspec.convert(told, options.OpenAIChat).extra == {"top_p": 0.5}
    assert msgspec.convert({}, options.LlamaCppChat).model
