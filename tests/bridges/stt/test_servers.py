from bridges.stt.options import Azure, Compatible, Groq, OpenAI
from bridges.stt.servers import server


def test_openai() -> None:
    there = server(OpenAI(key=" sk-1\n", organization="o", project="p"))
    assert (there.base_url, there.model) == ("https://api.openai.com/v1", "gpt-transcribe")
    assert there.headers == {"Authorization": "Bearer sk-1", "OpenAI-Organization": "o", "OpenAI-Project": "p"}


def test_azure_has_two_addresses_and_two_credentials() -> None:
    told = {"key": "k", "model": "my stt"}
    there = server(Azure(url="https://r.openai.azure.com/openai/v1/", **told))
    assert (there.base_url, there.model, there.params) == ("https://r.openai.azure.com/openai/v1", "my stt", {})
    assert there.headers == {"api-key": "k"}
    there = server(Azure(url="https://r.openai.azure.com", api_version="2024-10-21", bearer=True, **told))
    assert there.base_url == "https://r.openai.azure.com/openai/deployments/my%20stt"
    assert there.params == {"api-version": "2024-10-21"} and there.headers == {"Authorization": "Bearer k"}


def test_groq_and_a_server_of_ones_own() -> None:
    there = server(Groq(key="g"))
    assert (there.base_url, there.model) == ("https://api.groq.com/openai/v1", "whisper-large-v3-turbo")
    there = server(Compatible(url="http://127.0.0.1:8000/v1", model="m"))
    assert (there.base_url, there.headers, there.least_s) == ("http://127.0.0.1:8000/v1", {}, 0.0)


def test_a_key_is_not_shown() -> None:
    assert "sk-1" not in repr(server(OpenAI(key="sk-1")))
