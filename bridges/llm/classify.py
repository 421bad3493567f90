"""What a question is about, by its words: English, German, Spanish, French, and what of others is spelled alike. Pure.

A strong word counts two, a weak one one; ``*`` stands for any ending. Words are compared without case and accents, as
recognisers write them in many ways.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OTHER = "other"
CLEAR = 2
"""From this count on, and ahead of every other class, words alone decide."""
LONGEST = 400
"""Characters that are looked at, from the end."""
FOLLOW_UP_WORDS = 5
"""A turn of at most so many words, none of which says anything, goes on with the subject of the turn before it."""

STRONG: dict[str, str] = {
    "live": """
        news, headline*, weather, forecast*, stock market, stock price*, share price*, exchange rate*, bitcoin, who won,
        final score*, traffic jam*, breaking, election result*, price of, right now, this week, opening hours, flight status,
        nachrichten, schlagzeile*, wetter, wetter*bericht, wettervorhersage, vorhersage, aktienkurs*, borse, borsenkurs*,
        wechselkurs*, wer hat gewonnen, stau, staus, wie teuer ist, preis von, benzinpreis*, offnungszeiten, diese woche,
        noticia*, titular*, pronostico*, bolsa de valores, precio de*, tipo de cambio, quien gano, trafico, esta semana,
        que tiempo hace, el tiempo en, horario de apertura, en este momento, a cuanto esta,
        actualite*, nouvelles, meteo, previsions, cours de, la bourse, prix de, prix du, taux de change, qui a gagne,
        bouchon*, cette semaine, horaires d'ouverture, quel temps, en ce moment
    """,
    "code": """
        python, javascript, typescript, java, rust, golang, kotlin, sql, html, css, regex, regular expression*, source code,
        stack trace, compiler, debug*, unit test*, git, docker, kubernetes, json, yaml, recursion, algorithm*, bash, api,
        programmier*, quelltext, quellcode, fehlermeldung, regularer ausdruck, algorithmus, algorithmen,
        programacion, programar, codigo, expresion regular, algoritmo*, depurar,
        programmation, programmer, code source, expression reguliere, algorithme*, deboguer
    """,
    "reasoning": """
        step by step, prove, proof, derive, solve, calculate, compare, pros and cons, trade-off*, analyse, analyze, strategy,
        plan for, explain why, equation*, probability, how many ways, what would happen, logic puzzle, riddle,
        schritt fur schritt, beweis*, herleit*, berechne*, vergleich*, vor- und nachteile, abwagen, analysier*, strategie,
        erklare warum, gleichung*, wahrscheinlichkeit, was ware wenn, ratsel,
        paso a paso, demuestra, demostrar, calcula*, compara*, ventajas y desventajas, analiza*, estrategia, ecuacion*,
        probabilidad, acertijo, que pasaria,
        etape par etape, demontre*, calcule*, comparer, avantages et inconvenients, analyser, expliquer pourquoi,
        probabilite*, enigme, que se passerait
    """,
    "small_talk": """
        hello, hi, hey, good morning, good afternoon, good evening, how are you, thank you, thanks, goodbye, bye,
        nice to meet, tell me a joke, who are you, what is your name, what's your name, see you, have a nice day,
        hallo, guten morgen, guten tag, guten abend, wie geht*, danke, vielen dank, tschuss, auf wiederhoren,
        auf wiedersehen, erzahl mir einen witz, wer bist du, wie heisst du, servus, moin,
        hola, buenos dias, buenas tardes, buenas noches, como estas, como esta usted, gracias, adios, hasta luego,
        cuentame un chiste, quien eres, como te llamas,
        bonjour, bonsoir, salut, comment vas-tu, comment allez-vous, ca va, merci, au revoir, raconte-moi une blague,
        qui es-tu, comment t'appelles-tu, bonne journee
    """,
}
WEAK: dict[str, str] = {
    "live": """
        today, tonight, tomorrow, yesterday, latest, current, currently, now, recent, recently, live, price*, cost*, update*,
        score*, happened, traffic, election*, temperature,
        heute, morgen, gestern, aktuell*, neueste*, jetzt, gerade, kurzlich, preis*, kostet, stand, verkehr, wahl, wahlen,
        hoy, manana, ayer, ultimo*, ultima*, actual*, ahora, reciente*, precio*, cuesta, elecciones,
        aujourd'hui, demain, hier, dernier*, derniere*, actuel*, maintenant, recent*, combien coute, elections
    """,
    "code": """
        code, function*, script*, bug, bugs, class, variable*, loop, server, database, software, program*,
        funktion*, skript, fehler, schleife, datenbank, funcion*, bucle, base de datos, fonction*, boucle, base de donnees
    """,
    "reasoning": """
        why, how come, because, explain, plan, difference, decide, better, should i, what if,
        warum, wieso, weshalb, erklar*, unterschied, entscheid*, besser, soll ich, por que, explica*, diferencia, mejor,
        deberia, pourquoi, explique*, difference, meilleur*, devrais
    """,
    "small_talk": """
        okay, ok, fine, great, cool, please, nice, lovely, gut, super, toll, schon, bitte, bien, vale, genial, por favor,
        d'accord, s'il vous plait, super
    """,
}
CLASSES = (*STRONG, OTHER)


def fold(text: str) -> str:
    """Return the text in small letters without accents."""
    spread = unicodedata.normalize("NFKD", text.replace("\u2019", "'").casefold())
    return "".join(letter for letter in spread if not unicodedata.combining(letter))


def words(listed: Sequence[str]) -> re.Pattern[str]:
    """Return the pattern that finds any of these words in a folded text."""
    return re.compile(r"(?<!\w)(?:" + "|".join(sorted(map(_pattern, listed), key=len, reverse=True)) + r")(?!\w)")


@dataclass(frozen=True, slots=True)
class Rule:
    """A class of the operator's own, decided before the words are counted."""

    to: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Guess:
    """The class that the words speak for; ``clear``: no second opinion is needed."""

    name: str
    clear: bool


def classify(said: Sequence[str], rules: Sequence[Rule] = (), *, counted: bool = True) -> Guess:
    """Return what the last of the user's turns is about; ``counted``: by the words of this page where no rule decides."""
    turns = [fold(text[-LONGEST:]) for text in said[-2:]]
    last = turns[-1] if turns else ""
    for rule in rules:
        if rule.pattern.search(last):
            return Guess(rule.to, True)
    if not counted:
        return Guess(OTHER, False)
    counts = count(last)
    if not any(counts.values()) and len(turns) > 1 and len(last.split()) <= FOLLOW_UP_WORDS:
        counts = count(turns[0])
    return _guess(counts)


def count(folded: str) -> Mapping[str, int]:
    """Return how much a folded text speaks for each class."""
    return {
        name: 2 * len(strong.findall(folded)) + len(weak.findall(folded)) for name, (strong, weak) in _PATTERNS.items()
    }


def named(text: str, names: Sequence[str]) -> str | None:
    """Return the class that a classifier's answer names, ``None`` for none."""
    folded = fold(text)
    found = [(at, name) for name in names if (at := folded.find(fold(name))) >= 0]
    return min(found)[1] if found else None


def _guess(counts: Mapping[str, int]) -> Guess:
    """A greeting before a question is not what it is about; of equal counts the first of this page is taken."""
    asked = {name: each for name, each in counts.items() if name != "small_talk"}
    counts = asked if max(asked.values()) >= CLEAR else counts
    ranked = sorted(counts, key=lambda name: -counts[name])
    best, next_best = counts[ranked[0]], counts[ranked[1]]
    return Guess(ranked[0] if best else OTHER, best >= CLEAR and best > next_best)


def _pattern(word: str) -> str:
    return re.escape(fold(word.strip())).replace(r"\*", r"\w*")


def _listed(page: str) -> list[str]:
    return [word for word in re.split(r"[,\n]", page) if word.strip()]


_PATTERNS = {name: (words(_listed(STRONG[name])), words(_listed(WEAK[name]))) for name in STRONG}
