from mediaserver.rtc.video import held


def test_vp8_is_chosen_wherever_it_stands() -> None:
    section = ["a=rtpmap:98 H264/90000", "a=rtpmap:96 VP8/90000", "a=fmtp:98 packetization-mode=1"]
    assert held(["98", "96"], section) == ("96", ("a=rtpmap:96 VP8/90000",))


def test_else_the_first_codec_with_its_parameters() -> None:
    section = [
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=98",
        "a=rtpmap:98 H264/90000",
        "a=fmtp:98 packetization-mode=1;profile-level-id=42e01f",
    ]
    assert held(["97", "98"], section) == ("98", (section[2], section[3]))


def test_nothing_that_was_not_offered_and_nothing_malformed() -> None:
    assert held(["96"], ["a=rtpmap:99 VP8/90000"]) is None
    assert held(["96"], ["a=rtpmap:96 VP8/90000 and\tmore"]) is None
    assert held(["97"], ["a=rtpmap:97 rtx/90000"]) is None
    odd = ["a=rtpmap:96 AV1/90000", "a=fmtp:96 x\ty"]
    assert held(["96"], odd) == ("96", ("a=rtpmap:96 AV1/90000",))
