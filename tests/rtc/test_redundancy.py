"""RFC 2198 read and written: what fits, what does not, and that no bytes can do worse than be refused."""

from hypothesis import given
from hypothesis import strategies as st

from mediaserver.rtc.redundancy import MOST_BLOCKS, MOST_BYTES, MOST_LENGTH, MOST_OFFSET, Block, parse, serialise

# 111, 1920 back, 2 bytes; 111, 960 back, 3 bytes; 111; then the payloads: the bits of RFC 2198 §3 by hand.
BY_HAND = bytes.fromhex("ef1e0002 ef0f0003 6f") + b"aabbbcccc"


def test_a_packet_written_by_hand():
    assert parse(BY_HAND) == [Block(111, 1920, b"aa"), Block(111, 960, b"bbb"), Block(111, 0, b"cccc")]
    assert serialise(111, b"cccc", 1920, [(0, b"aa"), (960, b"bbb")]) == BY_HAND


def test_a_packet_of_its_own_payload_alone():
    assert parse(b"\x6fcccc") == [Block(111, 0, b"cccc")]


def test_what_is_short_or_never_ends_is_refused():
    for size in range(len(BY_HAND) - 4):
        assert parse(BY_HAND[:size]) is None
    assert parse(BY_HAND[:-4]) is None  # nothing is left for its own
    head = bytes.fromhex("ef0f0000")
    assert parse(head * (MOST_BLOCKS - 1) + b"\x6fx") is not None
    assert parse(head * MOST_BLOCKS + b"\x6fx") is None


def test_a_copy_that_does_not_fit_is_left_out_and_so_is_what_lies_before_it():
    near = (10_000 - 960, b"near")
    for far in ((10_000 - 1920, bytes(MOST_LENGTH + 1)), (10_000 - MOST_OFFSET - 1, b"x"), (10_000, b"x")):
        assert serialise(1, b"own", 10_000, [far, near]) == serialise(1, b"own", 10_000, [near])
        assert serialise(1, b"own", 10_000, [near, far]) is None


def test_a_packet_stays_small_enough_for_the_path():
    assert len(serialise(1, bytes(MOST_BYTES - 405), 960, [(0, bytes(400))])) == MOST_BYTES
    assert serialise(1, bytes(MOST_BYTES - 404), 960, [(0, bytes(400))]) is None


def test_time_goes_round():
    assert parse(serialise(1, b"b", 100, [(2**32 - 860, b"a")])) == [Block(1, 960, b"a"), Block(1, 0, b"b")]


@given(
    st.integers(0, 127),
    st.binary(min_size=1, max_size=400),
    st.lists(st.tuples(st.integers(1, MOST_OFFSET), st.binary(max_size=300)), min_size=1, max_size=MOST_BLOCKS - 1),
)
def test_what_is_written_is_read(kind, own, copies):
    written = serialise(kind, own, MOST_OFFSET, [(MOST_OFFSET - offset, payload) for offset, payload in copies])
    if written is not None:
        *found, last = parse(written)
        assert last == (kind, 0, own)
        assert [tuple(block)[1:] for block in found] == copies[len(copies) - len(found) :]
        assert len(written) <= MOST_BYTES


@given(
    st.binary(max_size=200) | st.binary(max_size=60).map(lambda data: bytes(each | 0x80 for each in data) + b"\x6fx")
)
def test_any_bytes_are_blocks_within_them_or_nothing(data):
    blocks = parse(data)
    if blocks is not None:
        assert len(blocks) <= MOST_BLOCKS
        assert data.endswith(b"".join(block.payload for block in blocks))
        assert blocks[-1].payload
        assert blocks[-1].offset == 0
        assert len(data) == 4 * (len(blocks) - 1) + 1 + sum(len(block.payload) for block in blocks)
