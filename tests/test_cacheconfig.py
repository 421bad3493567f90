import pytest

from mediaserver.cacheconfig import AudioLinks, Cache, LinkKey, check_cache, check_links
from mediaserver.config import Config
from mediaserver.configfile import parse
from mediaserver.errors import ConfigError
from mediaserver.section import Secret

LONG = "canary-7f3a-" * 3


def key(name: str = "k", secret: str = LONG) -> LinkKey:
    return LinkKey(id=name, secret=Secret(secret))


def test_what_fits_together_is_taken():
    check_cache(Cache())
    check_cache(Cache(transcripts=True, transcripts_stored=True, redis=Secret("rediss://h:1/2")))
    check_links(AudioLinks(keys=(key("a"), key("b")), public_base="https://cdn.example/voice"))


@pytest.mark.parametrize(
    ("cache", "path"),
    [
        (Cache(transcripts_stored=True), "cache.transcripts_stored"),
        (Cache(redis=Secret("http://canary-7f3a")), "cache.redis"),
    ],
)
def test_what_does_not_fit_the_cache_is_refused(cache: Cache, path: str):
    with pytest.raises(ConfigError) as refused:
        check_cache(cache)
    assert refused.value.path == path and "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("links", "path"),
    [
        (AudioLinks(keys=(key("a"), key("a"))), "audio_links.keys"),
        (AudioLinks(keys=(key("a"), key("b", "canary-7f3a"))), "audio_links.keys[1].secret"),
        (AudioLinks(public_base="cdn.example"), "audio_links.public_base"),
    ],
)
def test_what_does_not_fit_the_links_is_refused(links: AudioLinks, path: str):
    with pytest.raises(ConfigError) as refused:
        check_links(links)
    assert refused.value.path == path and "canary" not in str(refused.value)


def test_it_is_read_with_the_rest_and_shows_no_secret():
    config = parse(
        b"cache: {redis: '${R}', folder: /x}\naudio_links: {keys: [{id: n1, secret: '${S}'}]}",
        {"R": "redis://:canary-7f3a@h", "S": LONG},
    )
    assert config.cache.redis is not None and config.audio_links.keys[0].secret.reveal() == LONG
    assert "canary" not in repr(config)
    assert parse(None) == Config()


@pytest.mark.parametrize(
    "text",
    [
        "cache: {colour: red}",
        "cache: {memory_mb: -1}",
        "audio_links: {keys: [{id: 'a b', secret: x}]}",
        "cache: {redis: [1]}",
    ],
)
def test_what_cannot_be_is_refused(text: str):
    with pytest.raises(ConfigError):
        parse(text.encode())
