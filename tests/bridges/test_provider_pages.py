"""Every page of a provider sets one up in a block that can be copied: its options exist."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from bridges import open_bridge
from mediaserver.config import Model

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "providers").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_setup_of_a_page_is_taken(page: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    models = [model for block in blocks for model in (yaml.safe_load(block).get("models") or {}).values()]
    assert models, "the page shows no setup"
    for told in models:
        model = msgspec.convert(told, Model)
        open_bridge(model.bridge, model.options())  # raises for an option that is not known
