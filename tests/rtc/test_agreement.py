"""What accompanies sound: when it is agreed, where it stands, how it is written."""

from __future__ import annotations

import pytest

from mediaserver.errors import BadRequest
from mediaserver.rtc.agreement import write_codec
from mediaserver.rtc.codecs import Agreed, Codec, Red
from mediaserver.rtc.description import Terms, read_offer
from tests.rtc import offers

OPUS = "a=rtpmap:111 opus/48000/2"
RED = "a=rtpmap:63 red/48000/2"


def agreed(formats: str, *attributes: str, red: Red = "auto") -> Agreed:
    return read_offer(offers.audio(formats, *attributes), Terms(red=red)).agreed


@pytest.mark.parametrize(("red", "order"), [("off", [111]), ("auto", [111, 63]), ("always", [63, 111])])
def test_the_setting_says_where_redundancy_stands(red: Red, order: list[int]) -> None:
    both = agreed("63 111", OPUS, RED, "a=fmtp:63 111/111", red=red)
    assert list(both.codecs) == order
    assert both.send.name == "opus"
    assert (both.redundancy is not None) is (red != "off")


@pytest.mark.parametrize(
    "fmtp",
    ["", "a=fmtp:63 111", "a=fmtp:63 111/0", "a=fmtp:63 0/0", "a=fmtp:63 x", "a=fmtp:63 " + "/".join(["111"] * 9)],
)
def test_redundancy_of_anything_but_our_opus_is_left_out(fmtp: str) -> None:
    terms = agreed("111 63 0", OPUS, RED, *[fmtp] * bool(fmtp))
    assert terms.redundancy is None
    assert 63 not in terms.codecs


def test_redundancy_alone_or_with_g711_is_no_codec() -> None:
    assert agreed("0 63", RED, "a=fmtp:63 0/0").redundancy is None
    with pytest.raises(BadRequest, match="none of the offered"):
        agreed("63", RED, "a=fmtp:63 63/63")


def test_the_first_of_several_that_fits_is_taken() -> None:
    second = ("a=rtpmap:64 red/48000/2", "a=fmtp:64 111/111/111")
    terms = agreed("111 63 64", OPUS, RED, "a=fmtp:63 0/0", *second)
    assert terms.redundancy == Codec("red", 64, 48000, 2, {"111/111/111": ""})
    assert write_codec(terms.codecs[64], dtx=False) == ["a=rtpmap:64 red/48000/2", "a=fmtp:64 111/111/111"]


@pytest.mark.parametrize(
    ("formats", "attributes", "noise"),
    [
        ("0 13", (), 13),
        ("8 97", ("a=rtpmap:97 CN/8000",), 97),
        ("0", (), None),
        ("9 13", (), None),
        ("0 98", ("a=rtpmap:98 CN/16000",), None),
        ("111 0 13", (OPUS,), None),
    ],
)
def test_comfort_noise_goes_with_g711(formats: str, attributes: tuple[str, ...], noise: int | None) -> None:
    terms = agreed(formats, *attributes)
    assert (terms.comfort_noise.payload_type if terms.comfort_noise else None) == noise
    assert (noise in terms.codecs) is (noise is not None)
    if terms.comfort_noise:
        assert write_codec(terms.comfort_noise, dtx=False) == [f"a=rtpmap:{noise} CN/8000"]
