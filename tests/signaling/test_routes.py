from signaling.routes import ROUTES


def test_every_url_is_there_once() -> None:
    places = [(route.method, route.path) for route in ROUTES]
    assert len(places) == len(set(places))


def test_the_names_that_others_rely_on() -> None:
    places = {(route.method, route.path) for route in ROUTES}
    assert {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/v1/realtime/calls")} <= places
    assert ("POST", "/v1/realtime/calls/{call_id}/hangup") in places
