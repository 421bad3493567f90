import msgspec
import pytest

from mediaserver.config import Config, Media, Model, Server
from signaling.doctor.selfcall import call_itself, on_free_ports


def test_a_second_server_takes_nothing_from_a_running_one():
    config = msgspec.structs.replace(
        Config(), server=Server(host="0.0.0.0", port=8080), media=Media(port=8081, addresses=("203.0.113.9/10.0.0.5",))
    )
    beside = on_free_ports(config)
    assert (beside.server.host, beside.server.port) == ("127.0.0.1", 0)
    assert (beside.media.port, beside.media.addresses) == (0, ("10.0.0.5",))


async def test_a_call_to_an_echo_measures_the_way_there_and_back():
    config = msgspec.structs.replace(Config(), models={"echo": Model(bridge="echo")}, default_model="echo")
    findings = {finding.name: finding async for finding in call_itself(config)}
    assert findings["server"].verdict == "ok"
    echo = findings["echo call"]
    assert echo.verdict in ("ok", "note"), echo
    assert 0 < echo.figures["round_trip_ms"] < 2000
    assert echo.figures["level"] > 0.3


async def test_a_server_that_cannot_open_is_said_so():
    models = {"local": Model(bridge="no-such-bridge")}
    findings = [each async for each in call_itself(msgspec.structs.replace(Config(), models=models))]
    assert [each.verdict for each in findings] == ["wrong"]
    assert "no-such-bridge" in findings[0].said or "models.local" in findings[0].said


@pytest.mark.engines
async def test_the_embedded_model_speaks_hears_itself_and_answers():
    findings = {finding.name: finding async for finding in call_itself(Config())}
    spoken = findings["call to local"]
    assert spoken.verdict == "ok", spoken
    assert "count" in spoken.said.lower()
