from mediaserver.gateway.principal import Grant, Principal


def test_a_principal_is_narrow_only_where_it_says_so() -> None:
    anyone = Principal("a", frozenset())
    assert (anyone.models, anyone.origins, anyone.grant) == (None, None, None)
    grant = Grant("secret_1")
    assert (grant.max_duration_s, grant.voices, grant.tools, grant.session) == (None, None, None, None)
