"""Two-letter codes (ISO 639-1) of the languages that recognisers name with three letters (ISO 639-3)."""

from __future__ import annotations

from bridges.stt.languages import code

_NAMES = """
afr af amh am ara ar asm as aze az bel be ben bn bos bs bul bg cat ca ces cs cmn zh cym cy dan da deu de ell el eng en
est et fas fa fil tl fin fi fra fr ful ff gle ga glg gl guj gu hau ha heb he hin hi hrv hr hun hu hye hy ibo ig ind id
isl is ita it jav jv jpn ja kan kn kat ka kaz kk khm km kir ky kor ko lao lo lav lv lin ln lit lt ltz lb lug lg mal ml
mar mr mkd mk mlt mt mon mn mri mi msa ms mya my nep ne nld nl nor no nya ny oci oc ori or pan pa pol pl por pt pus ps
ron ro rus ru slk sk slv sl sna sn snd sd som so spa es srp sr swa sw swe sv tam ta tel te tgk tg tha th tur tr ukr uk
urd ur uzb uz vie vi wol wo xho xh yue yue zho zh zul zu
"""
_PAIRS = _NAMES.split()
_SHORT = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))


def short(said: str | None) -> str | None:
    """Return ``en`` for ``eng``, ``en-US`` and ``EN``; a language without two letters keeps its three."""
    told = code(said)
    return _SHORT.get(told, told) if told else None
