from typing import get_args

import pytest

from bridges.stt.asked import ASKED, check
from mediaserver.errors import Unsupported
from mediaserver.speech import FileAsk, FileFeature

EVERYTHING = FileAsk("en", "Neme", 0.0, ("Oslo",), True, True, True, True)


def test_what_can_be_asked_is_looked_at() -> None:
    assert set(ASKED) == set(get_args(FileFeature)) - {"stream"}
    assert all(asked(EVERYTHING) and not asked(FileAsk()) for asked in ASKED.values())


@pytest.mark.parametrize("missing", ASKED)
def test_what_is_missing_is_named(missing: FileFeature) -> None:
    can = frozenset(ASKED) - {missing}
    with pytest.raises(Unsupported, match=missing):
        check(EVERYTHING, can, "it")
    check(FileAsk(), can, "it")
    check(EVERYTHING, frozenset(ASKED), "it")
