import pytest

from mediaserver.conversation.offering import allowed_mcp
from mediaserver.errors import BadRequest
from mediaserver.settings import Tool
from mediaserver.toolbox import ToolServer

FIND, CHANGE = Tool("find"), Tool("change")
CRM = ToolServer("crm", "https://crm.example/mcp", (FIND, CHANGE), frozenset({"find"}))
FILES = ToolServer("files", "", (Tool("read"),))
SERVERS = (CRM, FILES)


def ask(**told):
    return allowed_mcp({"type": "mcp", **told}, SERVERS, "tools[0]")


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"server_label": "crm"}, ["find", "change"]),
        ({"server_label": "files"}, ["read"]),
        ({"server_label": "mine", "server_url": "https://crm.example/mcp"}, ["find", "change"]),
        ({"server_label": "mine", "server_url": "https://crm.example/mcp/"}, ["find", "change"]),
        ({"server_label": "crm", "server_description": "customers", "require_approval": "never"}, ["find", "change"]),
        ({"server_label": "crm", "authorization": None, "headers": None, "require_approval": None}, ["find", "change"]),
        ({"server_label": "crm", "allowed_tools": ["change", "other"]}, ["change"]),
        ({"server_label": "crm", "allowed_tools": []}, []),
        ({"server_label": "crm", "allowed_tools": {"read_only": True}}, ["find"]),
        (
            {"server_label": "crm", "allowed_tools": {"tool_names": ["find", "change"], "read_only": False}},
            ["find", "change"],
        ),
    ],
)
def test_a_configured_server_is_named(told, names):
    assert [tool.name for tool in ask(**told)] == names


@pytest.mark.parametrize(
    ("told", "param", "code"),
    [
        ({}, "server_label", "missing_required_parameter"),
        ({"server_label": 1}, "server_label", "missing_required_parameter"),
        ({"server_label": "other"}, "server_label", "mcp_server_not_allowed"),
        ({"server_label": "crm", "server_url": "https://evil.example/mcp"}, "server_url", "mcp_server_not_allowed"),
        ({"server_label": "files", "server_url": "/"}, "server_url", "mcp_server_not_allowed"),
        ({"server_label": "crm", "server_url": ["x"]}, "server_url", "invalid_type"),
        ({"server_label": "crm", "headers": {"a": "b"}}, "headers", "unsupported_by_provider"),
        ({"server_label": "crm", "authorization": "x"}, "authorization", "unsupported_by_provider"),
        ({"server_label": "crm", "connector_id": "connector_gmail"}, "connector_id", "unsupported_by_provider"),
        ({"server_label": "crm", "require_approval": "always"}, "require_approval", "unsupported_by_provider"),
        ({"server_label": "crm", "require_approval": {"never": {}}}, "require_approval", "unsupported_by_provider"),
        ({"server_label": "crm", "allowed_tools": "find"}, "allowed_tools", "invalid_type"),
        ({"server_label": "crm", "allowed_tools": {"names": []}}, "allowed_tools", "invalid_type"),
        ({"server_label": "crm", "allowed_tools": {"tool_names": "find"}}, "allowed_tools.tool_names", "invalid_type"),
    ],
)
def test_anything_else_is_refused_and_never_repeated(told, param, code):
    with pytest.raises(BadRequest) as refused:
        ask(**told)
    assert (refused.value.param, refused.value.code) == (f"tools[0].{param}", code)
    assert "evil" not in refused.value.message


def test_a_server_that_the_model_does_not_offer_is_not_there():
    with pytest.raises(BadRequest):
        allowed_mcp({"type": "mcp", "server_label": "crm"}, (FILES,))
