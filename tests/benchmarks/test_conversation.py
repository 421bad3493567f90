"""The conversation table plays what is there, and what it plays belongs to the suite."""

from pathlib import Path

import pytest

from benchmarks.conversation import LOCAL, chosen, evaluated
from benchmarks.servers import running


def test_one_in_so_many_is_spread_over_the_suite():
    few, all_of_them = chosen(10), chosen(1)
    assert len(few) == -(-len(all_of_them) // 10)
    assert set(few) <= set(all_of_them)
    assert all(Path(each).is_file() for each in few)


@pytest.mark.campaign
def test_the_server_it_starts_is_called_and_gives_figures(capfd):
    with running(LOCAL) as (url, _):
        evaluated("here", "--url", url, "--model", LOCAL.bridge, chosen(1)[0])
    said = capfd.readouterr().out
    assert "here" in said
    assert "calls                            1," in said
