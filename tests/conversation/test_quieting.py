import sys

import pytest

from mediaserver.audio.denoise import PACKAGE
from mediaserver.config import Noise
from mediaserver.conversation.quieting import Quiet, Quieter, quiet
from mediaserver.errors import ConfigError

FRAME = b"\1\0" * 320


class Turned:
    """A denoiser that can be told from none."""

    def feed(self, frame: bytes) -> bytes:
        return frame[::-1]


@pytest.mark.parametrize(
    ("how", "can", "wanted", "quieter"),
    [
        (None, (), "near_field", False),
        (Quiet(lambda _: Turned(), always=True), (), None, True),
        (Quiet(lambda _: Turned(), always=True), ("noise_reduction",), None, True),
        (Quiet(lambda _: Turned(), always=False), (), None, False),
        (Quiet(lambda _: Turned(), always=False), (), "far_field", True),
        (Quiet(lambda _: Turned(), always=False), ("noise_reduction",), "far_field", False),
    ],
)
def test_noise_is_taken_out_always_or_where_it_is_asked_of_us(how, can, wanted, quieter):
    heard = Quieter(how, 16000, frozenset(can)).feed(FRAME, wanted)
    assert (heard == FRAME[::-1]) is quieter


def test_a_client_may_change_its_mind_and_a_call_has_one_denoiser_at_a_time():
    made: list[int] = []

    def make(rate: int) -> Turned:
        made.append(rate)
        return Turned()

    quieter = Quieter(Quiet(make, always=False), 24000, frozenset())
    for wanted in ("near_field", "near_field", None, "far_field"):
        quieter.feed(FRAME, wanted)
    assert made == [24000, 24000]


def test_what_is_not_installed_is_said_at_the_start(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    assert quiet(Noise()) is None
    for suppress in ("on_request", "always"):
        with pytest.raises(ConfigError, match="denoise"):
            quiet(Noise(suppress=suppress))
