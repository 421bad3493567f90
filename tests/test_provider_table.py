"""The table of what each provider supports is what the bridges say of themselves."""

import importlib.util
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest

from bridges import PROVIDERS
from mediaserver.bridge import Capabilities, Feature
from mediaserver.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("provider_table", ROOT / "scripts" / "provider_table.py")
assert _spec is not None
assert _spec.loader is not None
provider_table = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(provider_table)


async def test_the_page_is_not_stale():
    page = provider_table.PAGE.read_text()
    assert page == provider_table.renewed(page, provider_table.table(await provider_table.capabilities()))


def test_no_provider_feature_or_setting_is_left_out():
    assert {name for name, _ in provider_table.SHOWN.values()} == PROVIDERS.keys() - {"echo", "hybrid"}
    assert set(provider_table.FEATURES) == set(get_args(Feature))
    assert set(provider_table.CHANGES) == {field.name for field in fields(Settings)} - {"model", "kind", "manner"}


def test_what_a_provider_offers_is_in_its_column():
    little = Capabilities(turns="provider", speech_events="none", voices=("a", "b"), max_session_s=90.0)
    more = replace(little, can=frozenset({"cancel"}), changes=frozenset({"voice"}), input_rate=8000)
    rows = provider_table.table({"A": little, "B": more}).splitlines()
    assert "| stops an answer that is being made | - | ✓ |" in rows
    assert "| `voice` | - | ✓ |" in rows
    assert "| sound to it | 16 kHz | 8 kHz |" in rows
    assert "| a session lasts | 1.5 min | 1.5 min |" in rows


def test_a_stale_page_is_noticed_and_written(tmp_path, capsys):
    page = tmp_path / "realtime.md"
    page.write_text(f"before\n{provider_table.BEGIN}\nthe table of yesterday\n{provider_table.END}\nafter\n")
    assert provider_table.main([], page) == 1
    assert "stale" in capsys.readouterr().err
    assert provider_table.main(["--write"], page) == 0
    assert provider_table.main([], page) == 0
    text = page.read_text()
    assert (
        text.startswith("before\n") and text.endswith("\nafter\n") and "yesterday" not in text and "| OpenAI |" in text
    )


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="marks"):
        provider_table.renewed("nothing", "table")
