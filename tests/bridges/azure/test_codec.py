import json

from bridges.azure.codec import AzureCodec
from bridges.options import Azure
from mediaserver.bridge import Opening
from mediaserver.settings import Settings


def test_the_cap_is_half_an_hour_unless_told() -> None:
    assert AzureCodec(Azure()).capabilities.max_session_s == 1800
    assert AzureCodec(Azure(max_session_s=600)).capabilities.max_session_s == 600


def test_what_the_forms_can_do() -> None:
    ga, preview = AzureCodec(Azure()).capabilities, AzureCodec(Azure(api_version="2025-04-01-preview")).capabilities
    assert ga.can - preview.can == {"speed"}
    assert preview.can - ga.can == {"temperature"}
    assert preview.changes - ga.changes == {"temperature"}


def test_the_forms_open_in_their_own_words() -> None:
    (ga,) = AzureCodec(Azure()).open(Opening(Settings("m")))
    (preview,) = AzureCodec(Azure(api_version="v")).open(Opening(Settings("m", temperature=0.7)))
    assert json.loads(ga)["session"]["type"] == "realtime"
    told = json.loads(preview)["session"]
    assert (told["modalities"], told["temperature"], "type" in told) == (["text", "audio"], 0.7, False)
