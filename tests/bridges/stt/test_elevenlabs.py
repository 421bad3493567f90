from urllib.parse import parse_qs, urlsplit

from bridges.stt.elevenlabs import kind
from bridges.stt.streaming_options import Scribe


def test_what_a_session_is_asked() -> None:
    url = urlsplit(kind(Scribe(keyterms=("Neme", "a term that is too long for live")), "de-CH").target.url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == "wss://api.elevenlabs.io/v1/speech-to-text/realtime"
    assert parse_qs(url.query) == {
        "model_id": ["scribe_v2_realtime"],
        "audio_format": ["pcm_16000"],
        "commit_strategy": ["manual"],
        "language_code": ["de"],
        "keyterms": ["Neme"],
    }


def test_options_and_another_address() -> None:
    chosen = Scribe(key="secret", url="http://127.0.0.1:1", no_verbatim=True, enable_logging=False)
    target = kind(chosen, None).target
    told = parse_qs(urlsplit(target.url).query)
    assert target.url.startswith("ws://127.0.0.1:1/")
    assert (told["no_verbatim"], told["enable_logging"]) == (["true"], ["false"])
    assert "language_code" not in told
    assert target.headers == {"xi-api-key": "secret"}
    assert "secret" not in repr(target) + target.url
