"""Named ways for a model to be."""

from typing import Any

import pytest

from mediaserver.configfile import parse
from mediaserver.errors import BadRequest, ConfigError
from mediaserver.personas import Persona, personified
from mediaserver.settings import Settings, VoiceManner

CONCIERGE = Persona(
    instructions="You answer for {{company}} in {{ city }}.",
    variables={"city": "Bern"},
    voice="en-GB",
    language="en",
    speed=1.1,
    temperature=0.3,
    voice_instructions="warm",
    voice_settings={"stability": 0.4},
)


def test_a_persona_is_in_the_settings() -> None:
    settings = personified(Settings("local"), CONCIERGE, {"company": "ACME"})
    assert settings.instructions == "You answer for ACME in Bern."
    assert (settings.voice, settings.speed, settings.temperature) == ("en-GB", 1.1, 0.3)
    assert settings.transcription is not None and settings.transcription.language == "en"
    assert settings.manner == VoiceManner("warm", "en", {"stability": 0.4})


def test_what_it_leaves_empty_stays() -> None:
    before = Settings("local", instructions="Be kind.", voice="de", speed=1.2)
    assert personified(before, Persona()) == before


@pytest.mark.parametrize(
    "value", ["ACME", {"type": "input_text", "text": "ACME"}], ids=["plain", "as the contract's text"]
)
def test_a_variable_may_be_written_in_two_ways(value: Any) -> None:
    assert personified(Settings("m"), CONCIERGE, {"company": value}).instructions.startswith("You answer for ACME")


@pytest.mark.parametrize(
    ("variables", "param"),
    [
        ({}, "prompt.variables.company"),
        ({"company": "a", "colour": "red"}, "prompt.variables.colour"),
        ({"company": ["a"]}, "prompt.variables.company"),
        ({"company": "a" * 1001}, "prompt.variables.company"),
    ],
)
def test_variables_that_cannot_be(variables: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as wrong:
        personified(Settings("m"), CONCIERGE, variables)
    assert wrong.value.param == param


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b"models: {local: {persona: nobody}}", "models.local.persona"),
        (b"personas: {a: {tools: [nothing]}}", "personas.a.tools"),
        (b"personas: {a: {colour: red}}", "personas.a.colour"),
    ],
)
def test_a_configuration_that_cannot_be(text: bytes, path: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        parse(text)
    assert wrong.value.path == path
