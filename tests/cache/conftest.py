"""On a busy machine a far tier may answer late; here it is waited for."""

from __future__ import annotations

import pytest

from mediaserver.cache import tiers


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "FAR_S", 5.0)
