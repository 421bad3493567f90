"""What each value allows but all together do not."""

import pytest

from mediaserver.config import Config, Key, Media, Model, check
from mediaserver.errors import ConfigError


@pytest.mark.parametrize(
    ("config", "path"),
    [
        (Config(default_model="nobody"), "default_model"),
        (Config(models={"local": Model(fallbacks=("local",))}), "models.local.fallbacks"),
        (Config(keys=(Key(name="a"),)), "keys[0]"),
        (Config(media=Media(silence_notice_s=40.0)), "media.silence_notice_s"),
    ],
)
def test_what_cannot_be_together(config: Config, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check(config)
    assert refused.value.path == path


def test_the_defaults_can_be() -> None:
    check(Config())


def test_a_model_tells_its_bridge_only_what_is_set_and_shows_none_of_it() -> None:
    model = Model(bridge="openai", provider={"key": "secret"}, speculate="off")
    assert model.options() == {"key": "secret", "speculate": "off"}
    assert "secret" not in repr(model)
