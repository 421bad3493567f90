from typing import Any

import pytest

from bridges.gemini.dial import dial
from bridges.options import Gemini
from mediaserver.bridge import Opening
from mediaserver.settings import Settings

SERVICE = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage"
AGENTS = "aiplatform.googleapis.com/ws/google.cloud.aiplatform"


@pytest.mark.parametrize(
    ("told", "url", "header"),
    [
        (
            {"key": "AIza-secret"},
            f"{SERVICE}.v1beta.GenerativeService.BidiGenerateContent",
            {"x-goog-api-key": "AIza-secret"},
        ),
        (
            {"key": "auth_tokens/secret", "version": "v1alpha"},
            f"{SERVICE}.v1alpha.GenerativeService.BidiGenerateContentConstrained",
            {"Authorization": "Token auth_tokens/secret"},
        ),
        (
            {"key": "ya29.secret", "backend": "vertex", "project": "p", "location": "europe-west4"},
            f"wss://europe-west4-{AGENTS}.v1beta1.LlmBidiService/BidiGenerateContent",
            {"Authorization": "Bearer ya29.secret", "x-goog-user-project": "p"},
        ),
        (
            {"key": "ya29.secret", "backend": "vertex", "model": "projects/q/m", "location": "global", "version": "v1"},
            f"wss://{AGENTS}.v1.LlmBidiService/BidiGenerateContent",
            {"Authorization": "Bearer ya29.secret"},
        ),
        (
            {"key": "k-secret\n", "url": "https://proxy.example/live"},
            "wss://proxy.example/live",
            {"x-goog-api-key": "k-secret"},
        ),
    ],
)
async def test_the_key_goes_into_a_header_and_never_into_the_address(
    told: dict[str, Any], url: str, header: dict[str, str]
) -> None:
    target = await dial(Gemini(**told), None)(Opening(Settings("m")))  # type: ignore[arg-type]
    assert target.url == url
    assert target.headers == header
    assert "secret" not in target.url + repr(target)
