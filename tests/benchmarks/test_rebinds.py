"""The page's call is rebound in Chromium, and what comes to the new address is told from what does not."""

import pytest

from benchmarks.rebinds import rebinds

pytestmark = pytest.mark.campaign


async def test_the_page_goes_on_at_its_new_address():
    line = await rebinds(1)
    assert "inf" not in line.measured
