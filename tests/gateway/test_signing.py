from urllib.parse import parse_qsl

import pytest

from mediaserver.errors import Forbidden
from mediaserver.gateway.signing import Signer, SigningKey

OLD, NEW = SigningKey("old", b"o" * 32), SigningKey("new", b"n" * 32)
PATH, NOW = "/v1/audio/files/abc.mp3", 1_800_000_000.5


def signed(signer: Signer, now: float = NOW, path: str = PATH) -> list[tuple[str, str]]:
    return parse_qsl(signer.query(path, signer.expiry(now)))


def test_an_address_is_good_until_it_expires():
    signer = Signer([NEW], 3600)
    query = signed(signer)
    expires = signer.check(PATH, query, NOW)
    assert NOW + 3600 - 1 <= expires <= NOW + 3600 + 900
    assert signer.check(PATH, query, expires - 0.1) == expires
    with pytest.raises(Forbidden) as refused:
        signer.check(PATH, query, expires)
    assert refused.value.code == "link_expired"


def test_equal_requests_share_an_address_for_a_quarter_of_its_time():
    signer = Signer([NEW], 3600)
    start = signer.expiry(NOW)
    same = [second for second in range(0, 1800, 10) if signer.expiry(NOW + second) == start]
    assert 0 < len(same) <= 90
    assert len({signer.expiry(NOW + second) for second in range(0, 3600, 10)}) in (4, 5)


def test_the_newest_signs_and_all_are_accepted():
    before = signed(Signer([OLD], 60))
    rotated = Signer([NEW, OLD], 60)
    assert ("kid", "new") in signed(rotated)
    assert rotated.check(PATH, before, NOW) and rotated.check(PATH, signed(rotated), NOW)
    with pytest.raises(Forbidden):
        Signer([NEW], 60).check(PATH, before, NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda q: q | {"exp": str(int(q["exp"]) + 900)},
        lambda q: q | {"exp": "0" + q["exp"]},
        lambda q: q | {"exp": q["exp"] + " "},
        lambda q: q | {"exp": "٣"},
        lambda q: q | {"kid": "old"},
        lambda q: q | {"kid": "none"},
        lambda q: q | {"sig": q["sig"][:-1]},
        lambda q: q | {"sig": q["sig"] + "="},
        lambda q: q | {"sig": "é\ud800"},
        lambda q: q | {"sig": ""},
        lambda q: q | {"extra": "1"},
        lambda q: {name: value for name, value in q.items() if name != "kid"},
        lambda q: {},
    ],
)
def test_whatever_is_changed_is_refused(change):
    signer = Signer([NEW, OLD], 60)
    query = dict(signed(signer))
    with pytest.raises(Forbidden) as refused:
        signer.check(PATH, [*change(query).items()], NOW)
    assert refused.value.code == "invalid_signature"


def test_the_path_is_signed_and_a_field_stands_once():
    signer = Signer([NEW], 60)
    query = signed(signer)
    for path, fields in ((PATH + "x", query), (PATH, [*query, query[0]])):
        with pytest.raises(Forbidden):
            signer.check(path, fields, NOW)
    assert signer.check(PATH, [*reversed(query)], NOW)


def test_a_secret_is_not_shown():
    assert "nnn" not in repr(NEW)
