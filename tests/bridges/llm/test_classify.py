import re

import pytest

from bridges.llm.classify import OTHER, Guess, Rule, classify, count, fold, named, words


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("What's the weather in Oslo today?", "live"),
        ("Hey, any news about the election?", "live"),
        ("What is the price of Bitcoin right now", "live"),
        ("Wie ist das Wetter heute in Köln?", "live"),
        ("Was gibt es Neues in den Nachrichten?", "live"),
        ("¿Qué tiempo hace en Madrid?", "live"),
        ("Dime las últimas noticias", "live"),
        ("Quelle est la météo à Paris aujourd\u2019hui ?", "live"),
        ("Qui a gagné le match hier soir ?", "live"),
        ("Write a Python function that sorts a list", "code"),
        ("Wie programmiere ich das in Java?", "code"),
        ("¿Qué significa este código?", "code"),
        ("Peux-tu déboguer ce code source ?", "code"),
        ("Compare both plans step by step", "reasoning"),
        ("Erkläre mir Schritt für Schritt den Unterschied", "reasoning"),
        ("Analiza las ventajas y desventajas", "reasoning"),
        ("Quels sont les avantages et inconvénients ?", "reasoning"),
        ("Hello, how are you today?", "small_talk"),
        ("Guten Morgen, wie geht's?", "small_talk"),
        ("Hola, ¿cómo estás?", "small_talk"),
        ("Bonjour, ça va ?", "small_talk"),
    ],
)
def test_words_decide(said: str, name: str) -> None:
    assert classify([said]) == Guess(name, True)


@pytest.mark.parametrize("said", ["", "I would like a table for four", "Einen Tisch für vier", "Una mesa", "Une table"])
def test_what_no_word_decides_is_other_and_not_clear(said: str) -> None:
    assert classify([said]) == Guess(OTHER, False)


def test_a_weak_word_is_a_guess_that_may_be_asked_about() -> None:
    assert classify(["Is it still open now?"]) == Guess("live", False)


def test_a_short_turn_goes_on_with_the_subject() -> None:
    assert classify(["How is the weather in Oslo?", "And in Bergen?"]).name == "live"
    assert classify(["How is the weather in Oslo?", "I would like to book a table for four people"]).name == OTHER
    assert classify(["How is the weather in Oslo?", "Thanks!"]).name == "small_talk"
    assert classify([]) == Guess(OTHER, False)


def test_rules_come_first() -> None:
    rules = [Rule("vip", words(["Größe", "refund*"])), Rule("code", re.compile(r"ticket \d+"))]
    assert classify(["The weather, and a refunding"], rules) == Guess("vip", True)
    assert classify(["welche GRÖSSE"], rules).name == "vip"
    assert classify(["ticket 17"], rules).name == "code"
    assert classify(["the weather"], rules, counted=False) == Guess(OTHER, False)


def test_words_are_whole_words() -> None:
    assert not any(count(fold("Javanese rustic classy codes newsagent")).values())


def test_a_classifier_may_be_wordy() -> None:
    names = ("live", "code", "small_talk")
    assert named("Category: Live.", names) == "live"
    assert named("small_talk or code", names) == "small_talk"
    assert named("I cannot say", names) is None


def test_a_long_turn_is_read_from_its_end() -> None:
    assert classify(["weather " + "x " * 2000]).name == OTHER
