from typing import Any

import pytest

from bridges.tts.deepgram.requests import path, query
from bridges.tts.streaming_options import DeepgramSpeech

AURA, FLUX = "aura-2-thalia-en", "flux-alexis-en"


@pytest.mark.parametrize(
    ("voice", "speed", "settings", "more"),
    [
        (AURA, 1.0, {}, {}),
        (AURA, 1.13, {"expressivity": 1}, {"speed": "1.15"}),
        (AURA, 0.2, {}, {"speed": "0.70"}),
        (FLUX, 0.2, {"expressivity": -2}, {"speed": "0.50", "expressivity": "-2"}),
        (FLUX, 9.0, {"expressivity": 3}, {"speed": "1.50"}),
        (FLUX, 1.0, {"expressivity": True, "style": 1}, {}),
    ],
)
def test_a_query_says_voice_format_and_manner(
    voice: str, speed: float, settings: dict[str, Any], more: dict[str, str]
) -> None:
    base = {"model": voice, "encoding": "linear16", "sample_rate": "8000"}
    assert query(DeepgramSpeech(rate=8000), voice, speed, settings) == base | more
    assert query(DeepgramSpeech(mip_opt_out=True), voice, 1.0, {})["mip_opt_out"] == "true"


def test_flux_has_another_address() -> None:
    assert (path(AURA), path(FLUX)) == ("v1/speak", "v2/speak")
