import time

import pytest

from bridges.google_account import service_account
from mediaserver.errors import ConfigError
from tests.servers.google_tokens import EMAIL, account_key, claims_of


def test_an_assertion_is_what_google_asks_for():
    account = service_account(account_key())
    now = time.time()
    claims = claims_of(account.assertion(now), "https://oauth2.googleapis.com/token")
    assert claims["iss"] == EMAIL and claims["exp"] - claims["iat"] == 3600 and claims["iat"] == int(now)
    assert account.project == "a-project"


def test_the_key_may_be_a_file(tmp_path):
    (tmp_path / "key.json").write_text(account_key())
    assert service_account(str(tmp_path / "key.json")).project == "a-project"


@pytest.mark.parametrize(
    "told",
    [
        "/nowhere/key.json",
        "a\0b",
        "{",
        '{"type": "authorized_user"}',
        "{" * 100_000,
        account_key(private_key="-----BEGIN PRIVATE KEY-----\nsecret"),
        account_key("http://accounts.example/token"),
        account_key("http://127.0.0.1.example/token"),
        account_key("https://user:secret@accounts.example/token"),
        account_key("https://[/token"),
        account_key("ftp://127.0.0.1/token"),
    ],
    ids=lambda told: told[-40:].replace("\0", "0"),
)
def test_what_is_no_key_is_refused_and_not_repeated(told):
    with pytest.raises(ConfigError) as refused:
        service_account(told)
    assert refused.value.path == "credentials" and "secret" not in str(refused.value)
