from urllib.parse import parse_qs, urlsplit

from bridges.stt.deepgram import kind
from bridges.stt.deepgram_flux import FluxCodec
from bridges.stt.deepgram_listen import ListenCodec
from bridges.stt.streaming_options import Deepgram


def asked(chosen: Deepgram, language: str | None = None) -> tuple[str, dict[str, list[str]]]:
    url = urlsplit(kind(chosen, language).target.url)
    return f"{url.scheme}://{url.netloc}{url.path}", parse_qs(url.query)


def test_the_model_chooses_the_protocol() -> None:
    nova, flux = Deepgram(), Deepgram(model="flux-general-multi", eot_threshold=0.8)
    assert isinstance(kind(nova, None).codec(), ListenCodec)
    assert isinstance(kind(flux, None).codec(), FluxCodec)
    where, told = asked(nova, "de")
    assert where == "wss://api.deepgram.com/v1/listen"
    assert (told["language"], told["interim_results"], told["encoding"]) == (["de"], ["true"], ["linear16"])
    where, told = asked(flux, "de")
    assert where == "wss://api.deepgram.com/v2/listen"
    assert (told["language_hint"], told["eager_eot_threshold"], told["eot_threshold"]) == (["de"], ["0.5"], ["0.8"])
    assert "language_hint" not in asked(Deepgram(model="flux-general-en"), "en")[1]


def test_every_option_is_told() -> None:
    chosen = Deepgram(
        url="http://127.0.0.1:1/",
        keyterms=("Neme", "Bad Ulm"),
        endpointing_ms=300,
        mip_opt_out=True,
        smart_format=False,
    )
    where, told = asked(chosen)
    assert where == "ws://127.0.0.1:1/v1/listen"
    assert (told["keyterm"], told["endpointing"], told["mip_opt_out"]) == (["Neme", "Bad Ulm"], ["300"], ["true"])
    assert not {"smart_format", "language"} & set(told)
    assert "eager_eot_threshold" not in asked(Deepgram(model="flux-general-en", eager_eot_threshold=None))[1]


def test_the_key_is_a_header_and_not_shown() -> None:
    target = kind(Deepgram(key="secret"), None).target
    assert target.headers == {"Authorization": "Token secret"}
    assert "secret" not in repr(target) + target.url
