import pytest

from bridges.llm import options
from bridges.llm.presets import compatible, preset
from bridges.options import OpenAICompatible


@pytest.mark.parametrize(
    ("chosen", "url", "headers"),
    [
        (
            options.OpenAIChat(model="m", key="k", organization="o", project="p"),
            "https://api.openai.com/v1",
            {"Authorization": "Bearer k", "OpenAI-Organization": "o", "OpenAI-Project": "p"},
        ),
        (options.XaiChat(model="m", key="k"), "https://api.x.ai/v1", {"Authorization": "Bearer k"}),
        (options.GroqChat(model="m", key=" k\n"), "https://api.groq.com/openai/v1", {"Authorization": "Bearer k"}),
        (options.OllamaChat(model="m"), "http://127.0.0.1:11434/v1", {"Authorization": "Bearer ollama"}),
        (options.LlamaCppChat(), "http://127.0.0.1:8080/v1", {}),
        (
            options.VllmChat(model="m", url="http://gpu:8000/v1", key="k"),
            "http://gpu:8000/v1",
            {"Authorization": "Bearer k"},
        ),
        (options.AzureChat(model="m", key="k", url="https://r/"), "https://r/openai/v1", {"api-key": "k"}),
        (
            options.AzureChat(model="d", key="k", url="https://r/openai/v1", bearer=True, api_version="2024-10-21"),
            "https://r/openai/deployments/d",
            {"Authorization": "Bearer k"},
        ),
    ],
)
def test_each_server_has_its_address_and_credentials(chosen: options.Chat, url: str, headers: dict[str, str]) -> None:
    made = preset(chosen)
    assert (made.remote.url, made.headers) == (url, headers)


def test_only_azures_older_path_has_a_version() -> None:
    assert preset(options.AzureChat(model="d", url="u", api_version="v")).dialect.params == {"api-version": "v"}
    assert preset(options.AzureChat(model="d", url="u")).dialect.params is None


def test_the_wait_for_the_first_word_is_longer_than_that_for_the_next() -> None:
    made = compatible(OpenAICompatible(base_url="u", model="m", first_token_s=40, between_tokens_s=2))
    assert (made.limits.first_s, made.limits.between_s, made.remote.between_s) == (40, 2, 40)
    assert preset(options.OllamaChat(model="m")).limits.first_s == 120
