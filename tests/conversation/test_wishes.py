from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from mediaserver.bridge import Capabilities, Feature
from mediaserver.conversation.conversation import Conversation
from mediaserver.conversation.replies import Reply
from mediaserver.conversation.wishes import check_item, check_reply, complaints, fitted, unchangeable
from mediaserver.errors import Unsupported
from mediaserver.items import Item, Part
from mediaserver.settings import Settings, Tool, TurnDetection

EVERYTHING: frozenset[Feature] = frozenset(get_args(Feature))
PLAIN = Settings("model")
WISHES: list[tuple[Feature, dict[str, Any]]] = [
    ("text_output", {"output_modalities": ("text",)}),
    ("tool_choice", {"tool_choice": "required"}),
    ("temperature", {"temperature": 0.5}),
    ("speed", {"speed": 1.2}),
    ("max_output_tokens", {"max_output_tokens": 100}),
    ("noise_reduction", {"noise_reduction": "near_field"}),
    ("manual_turns", {"turn_detection": None}),
    ("no_interruption", {"turn_detection": TurnDetection(interrupt_response=False)}),
    ("no_auto_response", {"turn_detection": TurnDetection(create_response=False)}),
]


def can(*without: Feature, voices: tuple[str, ...] = ()) -> Capabilities:
    return Capabilities(turns="provider", can=EVERYTHING - set(without), voices=voices)


def message(role: Any, item_id: str = "i") -> Item:
    return Item(item_id, role=role, parts=(Part("input_text", "hello"),))


@pytest.mark.parametrize(("need", "wish"), WISHES, ids=[need for need, _ in WISHES])
def test_each_setting_is_refused_with_a_sentence_where_it_cannot_be_had(need: Feature, wish: dict[str, Any]) -> None:
    wanted = replace(PLAIN, **wish)
    assert complaints(EVERYTHING, wanted) == []
    (sentence,) = complaints(EVERYTHING - {need}, wanted)
    assert sentence.startswith("the model behind this call ")
    assert complaints(EVERYTHING - {need}, PLAIN) == []


@pytest.mark.parametrize(("need", "wish"), WISHES, ids=[need for need, _ in WISHES])
def test_another_provider_is_given_what_it_can_honour(need: Feature, wish: dict[str, Any]) -> None:
    wanted = replace(PLAIN, **wish)
    assert fitted(can(), wanted, voice=False) == wanted
    assert fitted(can(need), wanted, voice=False) == PLAIN


def test_without_functions_none_are_given() -> None:
    wanted = replace(PLAIN, tools=(Tool("look_up"),))
    assert fitted(can("tools"), wanted, voice=False) == PLAIN
    assert fitted(can(), wanted, voice=False) == wanted


def test_a_voice_of_another_house_is_not_asked_for_after_a_failover() -> None:
    wanted = replace(PLAIN, voice="alloy")
    assert fitted(can(voices=("amy",)), wanted, voice=True).voice == ""
    assert fitted(can(voices=("amy",)), wanted, voice=False).voice == "alloy"
    assert fitted(can(voices=("alloy",)), wanted, voice=True).voice == "alloy"
    assert fitted(can(), wanted, voice=True).voice == "alloy"


@pytest.mark.parametrize(
    ("need", "item"),
    [
        ("text_turns", message("user")),
        ("context_items", message("system")),
        ("context_items", message("assistant")),
        ("context_items", Item("i", "function_call", call_id="c", name="f")),
        ("tools", Item("i", "function_call_output", call_id="c", output="x")),
    ],
)
def test_each_kind_of_item_is_refused_where_it_cannot_be_taken(need: Feature, item: Item) -> None:
    check_item(can(), item)
    with pytest.raises(Unsupported):
        check_item(can(need), item)


@pytest.mark.parametrize(
    ("need", "reply"),
    [
        ("text_output", Reply("r", replace(PLAIN, output_modalities=("text",)))),
        ("out_of_band", Reply("r", PLAIN, out_of_band=True)),
        ("out_of_band", Reply("r", PLAIN, input=(message("user"),))),
        ("response_settings", Reply("r", replace(PLAIN, instructions="shout"))),
        ("respond", Reply("r", PLAIN)),
    ],
)
def test_each_kind_of_answer_is_refused_where_it_cannot_be_given(need: Feature, reply: Reply) -> None:
    check_reply(can(), PLAIN, reply, Conversation())
    with pytest.raises(Unsupported):
        check_reply(can(need), PLAIN, reply, Conversation())


def test_one_that_answers_by_itself_takes_a_request_after_something_to_answer() -> None:
    for item, fine in (
        (message("user"), True),
        (Item("o", "function_call_output", call_id="c"), True),
        (message("assistant"), False),
    ):
        conversation = Conversation()
        conversation.add(item)
        if fine:
            check_reply(can("respond"), PLAIN, Reply("r", PLAIN), conversation)
        else:
            with pytest.raises(Unsupported):
                check_reply(can("respond"), PLAIN, Reply("r", PLAIN), conversation)


def test_what_cannot_change_is_named_and_the_model_is_no_setting() -> None:
    provider = replace(can(), changes=frozenset({"instructions"}))
    wanted = replace(PLAIN, model="other", instructions="x", voice="y", speed=1.1)
    assert sorted(unchangeable(provider, PLAIN, wanted)) == ["speed", "voice"]
    assert unchangeable(provider, PLAIN, PLAIN) == []
