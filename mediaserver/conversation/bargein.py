"""What words said into a reply mean: is the floor taken, or does somebody only show that they listen? Pure.

"Yeah", "right" or "I see" during a statement is a backchannel and lets the reply go on. After a question of ours the same
words are an answer. "No", "stop", "wait", "okay, but" always take the floor: they are in no list.
"""

from __future__ import annotations

from collections.abc import Mapping

from mediaserver.conversation.words import AFFIRMATIONS, FILLERS, words

MOST_WORDS = 4
"""Whoever says more wants to speak, even if each word alone were a backchannel."""

JUST_ASKED_WORDS = 3
"""A question is answered while the next words are heard already; people are that slow."""

NEARLY_ASKED_WORDS = 2
"""... or before the last words of it are: people are that fast."""

_BACKCHANNELS_BY_LANGUAGE = {
    "en": "yes, yeah, yep, yup, right, alright, all right, ok, okay, sure, i see, got it, of course, exactly, indeed, "
    "really, wow, good, great, nice, cool, fine, true, that's right, that's true, makes sense, understood, i understand, "
    "i know",
    "de": "ja, jo, genau, gut, klar, stimmt, richtig, okay, ach so, aha, verstehe, ich verstehe, "
    "alles klar, na klar, in ordnung",
    "fr": "oui, ouais, d'accord, bien, bien sûr, exactement, voilà, je vois, je comprends, très bien, entendu, c'est ça",
    "es": "sí, si, vale, claro, bueno, bien, exacto, eso, entiendo, ya veo, ya, de acuerdo, por supuesto, muy bien, ajá",
}


def _by_first_word() -> Mapping[str, list[list[str]]]:
    """Return the phrases by their first word, the longest first."""
    table: dict[str, list[list[str]]] = {}
    for phrase in ", ".join(_BACKCHANNELS_BY_LANGUAGE.values()).split(", "):
        table.setdefault(phrase.split()[0], []).append(phrase.split())
    return {first: sorted(phrases, key=len, reverse=True) for first, phrases in table.items()}


_BACKCHANNELS = _by_first_word()


def takes_floor(text: str, *, final: bool, asked: bool) -> bool:
    """Say whether these words interrupt the reply that is heard; ``asked``: it has just asked a question.

    A partial transcript that may still become a backchannel ("I", of "I see") does not yet.
    """
    said = words(text.replace("\u2019", "'"))
    meant = any(word not in FILLERS for word in said)
    if asked:
        return meant or " ".join(said) in AFFIRMATIONS
    rest = _beyond_backchannels(said)
    if not rest:
        return meant and len(said) > MOST_WORDS
    return final or not _may_become_one(rest)


def asking(heard: str, unheard: str) -> bool:
    """Say whether a reply of which so much was heard has just asked, or all but asked, a question."""
    _, mark, after = heard.rpartition("?")
    if mark and len(words(after)) <= JUST_ASKED_WORDS:
        return True
    rest, mark, _ = unheard.partition("?")
    return bool(mark) and len(words(rest)) <= NEARLY_ASKED_WORDS and not set(rest) & set(".!")


def _beyond_backchannels(said: list[str]) -> list[str]:
    """Return the words from the first one on that is neither a filler nor part of a backchannel."""
    at = 0
    while at < len(said):
        length = _length_of_one(said[at:])
        if not length:
            break
        at += length
    return said[at:]


def _length_of_one(said: list[str]) -> int:
    phrases = _BACKCHANNELS.get(said[0], [])
    whole = next((len(phrase) for phrase in phrases if said[: len(phrase)] == phrase), 0)
    return whole or int(said[0] in FILLERS)


def _may_become_one(rest: list[str]) -> bool:
    return any(phrase[: len(rest)] == rest for phrase in _BACKCHANNELS.get(rest[0], []))
