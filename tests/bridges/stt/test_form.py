from bridges.stt.abilities import MODELS
from bridges.stt.form import TYPES, form
from mediaserver.speech import FileAsk, FileLimits, SoundFile

SOUND = SoundFile(b"data", "m4a", 1.0)


def test_the_file_has_a_name_that_says_its_kind() -> None:
    assert form(SOUND, FileAsk(), "whisper-1", MODELS["whisper-1"]).files == [
        ("file", ("speech.m4a", b"data", "audio/mp4"))
    ]
    assert set(TYPES) == set(FileLimits().kinds)


def test_a_plain_file() -> None:
    asked = form(SOUND, FileAsk(), "whisper-1", MODELS["whisper-1"])
    assert (asked.path, asked.events) == ("audio/transcriptions", False)
    assert asked.fields == {"model": "whisper-1", "response_format": "json"}


def test_times_are_asked_of_a_whisper_in_words() -> None:
    ask = FileAsk("en-GB", words=True, temperature=0.0)
    assert form(SOUND, ask, "w", MODELS["whisper-1"]).fields == {
        "model": "w",
        "response_format": "verbose_json",
        "temperature": "0.0",
        "language": "en",
        "timestamp_granularities[]": ["word"],
    }


def test_speakers_are_a_format() -> None:
    asked = form(SOUND, FileAsk(segments=True), "d", MODELS["gpt-4o-transcribe-diarize"])
    assert asked.events
    assert asked.fields == {
        "model": "d",
        "response_format": "diarized_json",
        "stream": "true",
        "chunking_strategy": "auto",
    }


def test_a_translation_knows_less() -> None:
    asked = form(SOUND, FileAsk("de", "Neme", translate=True), "whisper-1", MODELS["whisper-1"])
    assert (asked.path, asked.events) == ("audio/translations", False)
    assert asked.fields == {"model": "whisper-1", "response_format": "json", "prompt": "Neme"}
