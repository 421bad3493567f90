from typing import get_args

from deepgram.speak.v1.audio.types.audio_generate_request_model import AudioGenerateRequestModel

from bridges.tts.deepgram.voices import listed


def test_the_table_is_that_of_the_sdk_and_flux_besides() -> None:
    names = [each.id for each in listed()]
    aura = {name for name in names if name.startswith("aura")}
    assert aura == set(get_args(get_args(AudioGenerateRequestModel)[0]))
    assert len(names) == len(set(names)) and "flux-alexis-en" in names
    assert [each.languages for each in listed() if each.id == "aura-2-celeste-es"] == [("es",)]
