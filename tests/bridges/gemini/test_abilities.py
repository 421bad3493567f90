from bridges.gemini.abilities import capabilities
from bridges.gemini.setup import VOICES
from bridges.options import Gemini


def test_what_the_protocol_has_no_word_for_is_not_promised() -> None:
    told = capabilities(Gemini())
    missing = {"cancel", "truncate", "delete_items", "out_of_band", "no_auto_response", "tool_choice", "speed"}
    assert not missing & told.can
    assert told.speech_events == "none"
    assert (told.voices, told.max_session_s) == (VOICES, 600.0)


def test_options_change_what_it_can() -> None:
    assert {"respond", "context_items"} <= capabilities(Gemini()).can
    assert not {"respond", "context_items"} & capabilities(Gemini(text_in="realtime_input")).can
    assert capabilities(Gemini(writes="text")).changes == frozenset()
    assert capabilities(Gemini(context_update=True)).changes == {"output_modalities", "instructions", "tools"}
    told = capabilities(Gemini(voices=("Kore",), max_session_s=60))
    assert (told.voices, told.max_session_s) == (("Kore",), 60)
