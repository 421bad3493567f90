import pytest

from mediaserver.config import Config, Development, Key, Secret, Server
from signaling.announce import announcement, say


def test_one_process_names_its_ports_and_the_key() -> None:
    text = announcement(Config(), 8080, (8081,), ("192.0.2.1", "127.0.0.1"))
    assert "Open    http://localhost:8080\n" in text and "sk-local" in text and "Workers" not in text
    assert "Media   UDP port 8081 on 192.0.2.1, 127.0.0.1\n" in text and text.rstrip().endswith("Ctrl-C")


@pytest.mark.parametrize(("media", "said"), [((8081, 8082, 8083), "8081-8083"), ((5001, 4001), "5001, 4001")])
def test_workers_and_all_their_media_ports_are_named(media: tuple[int, ...], said: str) -> None:
    text = announcement(Config(), 8080, media, ("192.0.2.1",))
    assert f"UDP ports {said} on" in text and f"Workers {len(media)}\n" in text


def test_keys_are_named_and_never_shown() -> None:
    config = Config(
        server=Server(host="192.0.2.1", public_url="https://voice.example"),
        keys=(Key(name="shop", key=Secret("canary")),),
        development_key=Development(enabled=False),
    )
    text = announcement(config, 1, (2,), ())
    assert "https://voice.example" in text and "shop" in text and "canary" not in text and "sk-local" not in text


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    say("ready")
    assert capsys.readouterr().out == "ready\n"
