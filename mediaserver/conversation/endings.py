"""How the words so far end: a sentence that may be over, one that must go on, something dictated, or no words. Pure.

Many recognisers write lower case without punctuation, so the words decide; punctuation helps where it is there. The words
of all languages are taken together: a caller may change the language in mid-call.
"""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import Literal

from mediaserver.conversation.words import AFFIRMATIONS, FILLERS, words

Ending = Literal["finished", "open", "dictated", "silent"]

LONGEST_DICTATED = 10
"""So many digits or letters in a row are a whole telephone number: it may be over like any sentence."""

_SHORTEST_DICTATED = 3


def _set(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


_LEADS_ON = FILLERS | _set(
    "a an the and or but so because if when while although which whose to of than as my your his its our their",
    "am will would could should may might must i'm i'd i'll it's let's very he she they we every dot double",
    "und oder aber weil dass der die das ein eine einen einem mein meine sein zu zum zur vom im sehr wenn ich",
    "et ou mais parce que le la les un une des du au aux mon ma mes de je très qui si pour",
    "y o pero porque el los las una del al mi mis su sus muy para quiero",
)
"""Words that rarely end a sentence."""

_WANTS_MORE = _set("need want get give send tell show put buy had for with from at by about")
"""Words that end questions ("what do you need", "where are you from") and no statement."""

_BEFORE_MAY = _set(
    "in of by until till since before after during for next last this every early late mid",
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth",
    "sixteenth seventeenth eighteenth nineteenth twentieth thirtieth",
)
"""What makes a month of "may"; after "on" its day is still to come."""

_OPENINGS = frozenset(
    (
        *("i want", "i need", "i would", "i would like", "i'd like", "i was wondering", "i am looking for"),
        *(
            "i'm looking for",
            "can you",
            "could you",
            "would you",
            "can i",
            "could i",
            "may i",
            "do you have",
            "is there",
        ),
        *("there is", "i have", "my name is", "my number is", "it is"),
        *("ich möchte", "ich brauche", "ich hätte gern", "können sie", "mein name ist", "meine nummer ist"),
        *("je voudrais", "je veux", "est ce que", "j'ai", "je m'appelle"),
        *("quisiera", "necesito", "tengo", "me llamo", "mi nombre es"),
    )
)
"""What opens a sentence and cannot be all of it, however it sounds."""

_ASKS = _set(
    "what when where who whom why how which is are was were do does did can could would will should have has may am",
    "wann wo wer warum wie welche ist sind kann können haben hast",
    "qu'est où quand qui pourquoi comment est peut pouvez",
    "qué cuándo dónde quién cómo puede puedo tiene hay",
)

_UNITS = _set(
    "zero oh one two three four five six seven eight nine null eins zwei zwo drei vier fünf sechs sieben acht neun",
    "zéro un deux trois quatre cinq sept huit neuf cero uno dos tres cuatro cinco seis siete ocho nueve",
)
_TENS = _set(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty",
    "seventy eighty ninety zehn elf zwölf zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig dix vingt",
    "trente quarante cinquante soixante diez veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
)


def ending(text: str) -> Ending:
    """Say how a partial transcript ends."""
    said, written = words(text), text.rstrip()
    if not said:
        return "silent"
    if written.endswith((",", "-", "\u2013", "\u2014", "...", "\u2026", ":", ";")):
        return "dictated" if dictated(said) else "open"
    if _SHORTEST_DICTATED <= dictated(said) < LONGEST_DICTATED:
        return "dictated"
    if written.endswith((".", "!", "?")):
        return "finished"
    return "open" if _leads_on(said) and not _ends_in_may(said, written) else "finished"


def _leads_on(said: list[str]) -> bool:
    if " ".join(said) in AFFIRMATIONS:
        return False
    wants = said[-1] in _WANTS_MORE and not _ASKS.intersection(said[:-1])
    return said[-1] in _LEADS_ON or wants or " ".join(said) in _OPENINGS


def _ends_in_may(said: list[str], written: str) -> bool:
    """Say whether the last word is the month, and no verb: by the word before it, or by how it is written."""
    before = said[-2] if len(said) > 1 else "on"
    return said[-1] == "may" and (before in _BEFORE_MAY or (written.endswith("May") and before != "on"))


def asks(text: str) -> bool:
    """Say whether it is a question, whose pitch may rise at its end."""
    said = words(text)
    return text.rstrip().endswith("?") or (bool(said) and said[0] in _ASKS)


def dictated(said: list[str]) -> int:
    """Return how many digits and letters in a row the words end in: "thirty three four" is three.

    Two words alone are no more than two: "three thirty" and "twenty five" are said in one breath.
    """
    run = list(takewhile(_characters, reversed(said)))
    joined = sum(tens in _TENS and unit in _UNITS for unit, tens in pairwise(run))  # "thirty three" is two digits
    count = sum(map(_characters, run)) - joined
    return count if len(run) > 2 or any(word.isdigit() for word in run) else min(count, 2)


def _characters(word: str) -> int:
    if word.isdigit() or len(word) == 1:
        return len(word)
    return 1 if word in _UNITS else 2 if word in _TENS else 0
