import pytest

from bridges.llm.quirks import QUIRKS, refused


@pytest.mark.parametrize(
    ("row", "model", "reasons"),
    [
        ("openai", "gpt-4.1-mini", False),
        ("openai", "gpt-4o", False),
        ("openai", "o4-mini", True),
        ("openai", "gpt-5-mini", True),
        ("openai", "gpt-6.1-sol", True),
        ("openai", "gpt-5-chat-latest", False),
        ("xai", "grok-4.20-non-reasoning", False),
        ("xai", "grok-4.20-reasoning", True),
        ("xai", "grok-code-fast-1", True),
        ("ollama", "gpt-oss", False),
    ],
)
def test_models_that_think_are_known_by_name(row: str, model: str, reasons: bool) -> None:
    thinking = refused(row, model, {}) - QUIRKS[row].refuses
    assert bool(thinking) is reasons


def test_what_a_name_does_not_tell_can_be_told() -> None:
    assert "temperature" in refused("azure", "my-deployment", {}, reasoning=True)
    assert "temperature" not in refused("openai", "o9", {}, reasoning=False)
    assert "temperature" not in refused("openai", "gpt-5.4-mini", {"reasoning_effort": "none"})
    assert "temperature" not in refused("xai", "grok-4.7", {})
    assert "stop" in refused("xai", "grok-4.7", {"reasoning_effort": "none"})
    assert "n" in refused("groq", "openai/gpt-oss-20b", {})


def test_only_those_who_know_the_field_are_told_not_to_obfuscate() -> None:
    assert {name for name, row in QUIRKS.items() if row.obfuscates} == {"openai", "azure"}
