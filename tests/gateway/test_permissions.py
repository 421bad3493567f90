import pytest

from mediaserver.errors import Forbidden
from mediaserver.gateway.permissions import permit, permit_model, permit_settings
from mediaserver.gateway.principal import Grant, Principal
from mediaserver.settings import Settings, Tool

PAGE = "https://app.example"


def test_a_scope_is_needed() -> None:
    permit(Principal("a", frozenset({"calls:create"})), "calls:create", origin=PAGE)
    with pytest.raises(Forbidden) as refused:
        permit(Principal("a", frozenset({"calls:create"})), "calls:control")
    assert refused.value.code == "missing_scope"


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", f"{PAGE}.evil.example", f"{PAGE}:444"])
def test_a_key_bound_to_an_origin_holds_there_only(origin: str | None) -> None:
    who = Principal("a", frozenset({"calls:create"}), origins=frozenset({PAGE}))
    permit(who, "calls:create", origin=PAGE)
    with pytest.raises(Forbidden):
        permit(who, "calls:create", origin=origin)


def test_a_key_bound_to_models_holds_for_these_only() -> None:
    permit_model(Principal("a", frozenset()), "anything")
    with pytest.raises(Forbidden) as refused:
        permit_model(Principal("a", frozenset(), frozenset({"local"})), "echo")
    assert refused.value.param == "model"


def test_a_secret_bound_to_voices_and_tools_holds_for_these_only() -> None:
    grant = Grant("secret_1", voices=("en",), tools=frozenset({"f"}))
    who = Principal("a", frozenset(), grant=grant)
    permit_settings(who, Settings("local", voice="en", tools=(Tool("f"),)))
    permit_settings(Principal("a", frozenset()), Settings("local", voice="any", tools=(Tool("any"),)))
    for settings, param in (
        (Settings("local", voice="de"), "audio.output.voice"),
        (Settings("local", voice="en", tools=(Tool("f"), Tool("g"))), "tools[1].name"),
    ):
        with pytest.raises(Forbidden) as refused:
            permit_settings(who, settings)
        assert refused.value.param == param
