from bridges.tts.samples import Samples


def test_pieces_cut_anywhere_become_whole_samples() -> None:
    samples = Samples()
    assert [samples.feed(piece) for piece in (b"a", b"b", b"cde", b"", b"f", b"g")] == [
        b"",
        b"ab",
        b"cd",
        b"",
        b"ef",
        b"",
    ]
