import base64

import pytest

from mediaserver.errors import ConfigError
from mediaserver.section import Secret
from mediaserver.toolconfig import McpServer, Webhook, WebhookTool, check_offered, check_tools

KEY = bytes(range(32))


def tool(name: str, secret: str | None = None) -> WebhookTool:
    hook = Webhook(url="https://tools.example/x", secret=None if secret is None else Secret(secret))
    return WebhookTool(name=name, webhook=hook)


@pytest.mark.parametrize("written", [base64.b64encode(KEY).decode(), "whsec_" + base64.b64encode(KEY).decode()])
def test_a_secret_is_read_with_and_without_its_prefix(written: str) -> None:
    assert tool("a", written).webhook.signing_key() == KEY


def test_without_a_secret_nothing_is_signed() -> None:
    assert tool("a").webhook.signing_key() is None


def test_what_fits_together_is_taken() -> None:
    tools, servers = (tool("a"), tool("b")), {"crm": McpServer(url="https://crm.example/mcp")}
    check_tools(tools, servers)
    check_offered("models.m.tools", ("a", "crm"), tools, servers)
    check_offered("models.m.tools", None, tools, servers)
    check_offered("models.m.tools", (), tools, servers)


def test_a_model_cannot_offer_what_is_not_there() -> None:
    with pytest.raises(ConfigError) as refused:
        check_offered("models.m.tools", ("a", "c"), (tool("a"),), {})
    assert refused.value.path == "models.m.tools"


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="same name"):
        check_tools((tool("a"), tool("a")), {})
