"""Languages as engines name them: ISO 639-1 codes, BCP 47 tags, and the English names of Whisper. Pure.

Source: openai/whisper, ``tokenizer.py``, ``LANGUAGES`` and ``TO_LANGUAGE_CODE``.
"""

from __future__ import annotations

import re

_NAMES = """
afrikaans af, albanian sq, amharic am, arabic ar, armenian hy, assamese as, azerbaijani az, bashkir ba, basque eu,
belarusian be, bengali bn, bosnian bs, breton br, bulgarian bg, burmese my, cantonese yue, castilian es, catalan ca,
chinese zh, croatian hr, czech cs, danish da, dutch nl, english en, estonian et, faroese fo, finnish fi, flemish nl,
french fr, galician gl, georgian ka, german de, greek el, gujarati gu, haitian ht, haitian creole ht, hausa ha,
hawaiian haw, hebrew he, hindi hi, hungarian hu, icelandic is, indonesian id, italian it, japanese ja, javanese jv,
kannada kn, kazakh kk, khmer km, korean ko, lao lo, latin la, latvian lv, letzeburgesch lb, lingala ln, lithuanian lt,
luxembourgish lb, macedonian mk, malagasy mg, malay ms, malayalam ml, maltese mt, mandarin zh, maori mi, marathi mr,
moldavian ro, moldovan ro, mongolian mn, myanmar my, nepali ne, norwegian no, nynorsk nn, occitan oc, panjabi pa,
pashto ps, persian fa, polish pl, portuguese pt, punjabi pa, pushto ps, romanian ro, russian ru, sanskrit sa,
serbian sr, shona sn, sindhi sd, sinhala si, sinhalese si, slovak sk, slovenian sl, somali so, spanish es, sundanese su,
swahili sw, swedish sv, tagalog tl, tajik tg, tamil ta, tatar tt, telugu te, thai th, tibetan bo, turkish tr,
turkmen tk, ukrainian uk, urdu ur, uzbek uz, valencian ca, vietnamese vi, welsh cy, yiddish yi, yoruba yo
"""
NAMES: dict[str, str] = {
    name: code for name, _, code in (each.strip().rpartition(" ") for each in _NAMES.replace("\n", " ").split(","))
}
"""From a name in English to a code; the few languages without one of two letters have one of three."""

_OLD = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "cmn": "zh", "nb": "no"}
"""Codes that are still used for others."""
_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]+)*\Z", re.ASCII)


def code(said: str | None) -> str | None:
    """Return the ISO 639-1 code of a code, a tag (``en-US``) or an English name, ``None`` where it is none of them."""
    told = (said or "").strip().lower()
    if told in NAMES:
        return NAMES[told]
    tag = _TAG.match(told)
    return _OLD.get(tag[1], tag[1]) if tag else None
