import hashlib

import pytest

from mediaserver.config import Key, Secret
from mediaserver.errors import Unauthenticated
from mediaserver.gateway.keys import DEVELOPMENT_KEY, KeyRing

KEYS = (
    Key(name="shop", key=Secret("sk-shop"), scopes=("calls:create",), models=("local",)),
    Key(name="bank", sha256=hashlib.sha256(b"sk-bank").hexdigest(), origins=("https://bank.example",)),
)


def test_finds_who_holds_a_key_given_in_clear_or_as_a_hash() -> None:
    ring = KeyRing(KEYS, development=False)
    shop, bank = ring.authenticate("sk-shop", loopback=False), ring.authenticate("sk-bank", loopback=True)
    assert (shop.name, shop.scopes, shop.models) == ("shop", {"calls:create"}, {"local"})
    assert (bank.name, bank.models, bank.origins) == ("bank", None, {"https://bank.example"})


@pytest.mark.parametrize(
    "key", ["", "sk-sho", "sk-shop ", "SK-SHOP", "x" * 100_000, "sk-shop\0", "\udcff", "' OR 1=1 --", "ключ"]
)
def test_every_other_key_is_refused_alike(key: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        KeyRing(KEYS, development=True).authenticate(key, loopback=True)
    assert str(refused.value) == "the API key is missing or not valid"


def test_a_long_key_is_not_taken_for_its_beginning() -> None:
    ring = KeyRing([Key(name="long", key=Secret("k" * 512))], development=False)
    assert ring.authenticate("k" * 512, loopback=False).name == "long"
    with pytest.raises(Unauthenticated):
        ring.authenticate("k" * 513, loopback=False)


def test_the_hash_of_a_key_is_not_a_key() -> None:
    with pytest.raises(Unauthenticated):
        KeyRing(KEYS, development=False).authenticate(hashlib.sha256(b"sk-bank").hexdigest(), loopback=True)


def test_the_development_key_holds_on_this_machine_only() -> None:
    ring = KeyRing((), development=True)
    assert ring.authenticate(DEVELOPMENT_KEY, loopback=True).name == "development"
    with pytest.raises(Unauthenticated):
        ring.authenticate(DEVELOPMENT_KEY, loopback=False)
    with pytest.raises(Unauthenticated):
        KeyRing((), development=False).authenticate(DEVELOPMENT_KEY, loopback=True)


def test_no_key_stays_in_memory() -> None:
    ring = KeyRing(KEYS, development=True)
    assert b"sk-shop" not in b"".join(stored for stored, _ in ring._rows)
    assert ring._rows[0][0] != KeyRing(KEYS, development=True)._rows[0][0]
