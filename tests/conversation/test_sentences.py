from __future__ import annotations

import pytest

from mediaserver.conversation.sentences import is_closed


@pytest.mark.parametrize(
    ("text", "closed"),
    [("Yes.", True), ('He said "no." ', True), ("Really?!", True), ("And then", False), ("3.5", False), ("", False)],
)
def test_where_a_text_is_closed(text: str, closed: bool) -> None:
    assert is_closed(text) is closed
