import pytest

from mediaserver.errors import Forbidden, Overloaded, Unauthenticated
from mediaserver.gateway.keys import ALL_SCOPES
from mediaserver.gateway.principal import Principal
from mediaserver.gateway.secrets import Restriction, Secrets

PARENT = Principal("shop", ALL_SCOPES, models=frozenset({"local", "echo"}))


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(max_secrets: int = 10) -> tuple[Secrets, Time]:
    time = Time()
    return Secrets(time, lambda: 1_700_000_000.9, max_secrets=max_secrets), time


def test_a_secret_is_its_parent_narrowed() -> None:
    secrets, _ = make()
    restriction = Restriction(60.0, ("echo",), ("en",), ("f",), ("https://app.example",))
    minted = secrets.mint(PARENT, restriction, seconds=30, session={"x": 1})
    assert minted.value.startswith("ek_") and len(minted.value) > 40 and minted.expires_at == 1_700_000_030
    assert minted.value not in repr(minted)
    who = secrets.authenticate(minted.value)
    assert (who.name, who.models, who.origins) == ("shop", {"echo"}, {"https://app.example"})
    assert who.scopes == {"calls:create", "calls:control"}
    assert who.grant is not None and who.grant.secret not in minted.value
    assert (who.grant.max_duration_s, who.grant.voices, who.grant.tools) == (60.0, ("en",), {"f"})
    assert who.grant.session == {"x": 1}


def test_it_has_no_right_that_its_parent_lacks() -> None:
    secrets, _ = make()
    opener = Principal("opener", frozenset({"calls:create"}), origins=frozenset({"https://a.example"}))
    assert secrets.authenticate(secrets.mint(PARENT, Restriction()).value).models == PARENT.models
    kept = secrets.mint(opener, Restriction(origins=("https://a.example",)))
    assert secrets.authenticate(kept.value).scopes == {"calls:create"}
    with pytest.raises(Forbidden):
        secrets.mint(PARENT, Restriction(models=("gpt",)))
    with pytest.raises(Forbidden):
        secrets.mint(opener, Restriction(origins=("https://b.example",)))


def test_it_cannot_make_another() -> None:
    secrets, _ = make()
    child = secrets.authenticate(secrets.mint(PARENT, Restriction()).value)
    with pytest.raises(Forbidden):
        secrets.mint(child, Restriction())


def test_it_holds_until_it_expires() -> None:
    secrets, time = make()
    value = secrets.mint(PARENT, Restriction(), seconds=10).value
    time.now += 9.9
    secrets.authenticate(value)
    time.now += 0.2
    with pytest.raises(Unauthenticated) as expired:
        secrets.authenticate(value)
    with pytest.raises(Unauthenticated) as unknown:
        secrets.authenticate("ek_nobody")
    assert str(expired.value) == str(unknown.value)


@pytest.mark.parametrize("key", ["", "ek_", "ek_" + "x" * 100_000, "\udcff"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(Unauthenticated):
        make()[0].authenticate(key)


def test_its_uses_are_counted_exactly() -> None:
    secrets, _ = make()
    who = secrets.authenticate(secrets.mint(PARENT, Restriction(max_uses=2)).value)
    secrets.use(who)
    secrets.use(who)
    with pytest.raises(Unauthenticated) as refused:
        secrets.use(who)
    assert refused.value.code == "secret_used_up"
    for _ in range(5):
        secrets.use(PARENT)
        secrets.use(secrets.authenticate(secrets.mint(PARENT, Restriction()).value))


def test_there_is_room_for_so_many() -> None:
    secrets, time = make(max_secrets=3)
    for seconds in (10, 600, 600):
        secrets.mint(PARENT, Restriction(), seconds=seconds)
    with pytest.raises(Overloaded):
        secrets.mint(PARENT, Restriction())
    time.now += 11
    assert secrets.mint(PARENT, Restriction())
    assert len(secrets._rows) == len(secrets._by_name) == 3


def test_no_secret_stays_in_memory() -> None:
    secrets, _ = make()
    value = secrets.mint(PARENT, Restriction()).value
    assert value.encode() not in b"".join(secrets._rows) and value not in repr(secrets._by_name)


def test_it_bears_the_mark_of_its_worker() -> None:
    secrets = Secrets(mark="w2_")
    value = secrets.mint(PARENT, Restriction()).value
    assert value.startswith("ek_w2_") and secrets.authenticate(value).name == "shop"
    with pytest.raises(Unauthenticated):
        Secrets(mark="w2_").authenticate(value)
