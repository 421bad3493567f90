"""The files of the page: how many bytes, from where, and whether every word is there."""

from __future__ import annotations

import gzip
import json
import re

from tests.browser import stage

LIMIT = 60_000
WITHOUT_UDP = {"socketcall.js", "socketsound.js", "microphone.js", "loudspeaker.js", "resampler.js"}
LATER = {"export.js", *WITHOUT_UDP}
"""Loaded when somebody takes a call away, or where no UDP passes."""
WORDS = json.loads((stage.WEB / "locale" / "en.json").read_text())


def test_all_that_a_visit_loads_is_small() -> None:
    """At most 60 kB compressed, every file counted by itself, as it travels."""
    files = [path for path in stage.WEB.rglob("*") if path.is_file() and path.name not in LATER]
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) <= LIMIT


def test_what_a_visit_may_never_need_is_not_loaded_with_the_page() -> None:
    for path in (stage.WEB / "js").glob("*.js"):
        if path.name not in LATER:
            assert not re.search(r"^import .*/(socketcall|socketsound|export)\.js", path.read_text(), re.MULTILINE), (
                path
            )


def test_nothing_comes_from_elsewhere_and_nothing_is_markup() -> None:
    """No address of another host, no sink for markup, no style or script inside the HTML."""
    for path in stage.WEB.rglob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
        )
    html = (stage.WEB / "index.html").read_text()
    assert not re.search(r"https?://|\sstyle=|\son\w+=|<style|<script(?! type=\"module\" src=)", html)


def test_every_word_is_there_and_used() -> None:
    """Each key that the page names exists, plural forms included."""
    html = (stage.WEB / "index.html").read_text()
    named = set(re.findall(r"data-t(?:-label|-hint)?=\"([^\"]+)\"", html))
    for path in (stage.WEB / "js").glob("*.js"):
        named |= set(re.findall(r"\bt\('([a-z0-9_.-]+)'[,)]", path.read_text()))
    assert {key for key in named if key not in WORDS and f"{key}.other" not in WORDS} == set()
