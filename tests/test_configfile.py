from pathlib import Path
from typing import Any

import pytest

from mediaserver.config import Config
from mediaserver.configfile import load, parse
from mediaserver.configfile import read as read_file
from mediaserver.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
CANARY = "canary-7f3a"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(text: str | bytes, **environ: str) -> Config:
        file = tmp_path / "config.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(file, environ)

    return read


def test_the_server_starts_without_a_file() -> None:
    config = load()
    assert config.server.port == 8080 and set(config.models) == {"local", "echo"}


def test_the_file_in_the_repository_holds_every_key_with_its_default() -> None:
    file = ROOT / "config.yaml"
    assert load(file, {}) == Config()
    text = file.read_text()
    for section in (Config, *(type(getattr(Config(), name)) for name in Config.__struct_fields__)):
        for name in getattr(section, "__struct_fields__", ()):
            assert f"{name}:" in text, name


@pytest.mark.parametrize(
    ("file", "end"),
    [
        ("config.py", "def _models"),
        ("toolconfig.py", "def check_tools"),
        ("cacheconfig.py", "def check_cache"),
        ("audioconfig.py", "def check_audio"),
    ],
)
def test_every_field_has_its_sentence(file: str, end: str) -> None:
    source = (ROOT / "mediaserver" / file).read_text().partition("\nclass ")[2].split(end)[0]
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if (
            line.startswith("    ")
            and ":" in line
            and line[4].islower()
            and not line.startswith(("    def", "    return", "    name"))
        ):
            if "chosen = " in line:
                continue
            assert lines[number + 1].strip().startswith('"""'), line


def test_secrets_come_from_the_environment_or_a_file_and_are_never_shown(read: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{CANARY}-file\n")
    config = read(
        "keys:\n - {name: a, key: '${A_KEY}'}\n"
        f" - {{name: b, key: '${{file:{tmp_path}/key}}'}}\n"
        "models: {local: {llm: {engine: openai_compatible, key: '${A_KEY}'}}}",
        A_KEY=CANARY,
    )
    assert [key.key.reveal() for key in config.keys] == [CANARY, f"{CANARY}-file"]
    assert config.models["local"].options()["llm"]["key"] == CANARY
    assert CANARY not in repr(config) and CANARY not in str(config)


def test_what_tools_are_told_is_never_shown(read: Any) -> None:
    config = read(
        f"tools: [{{name: a, webhook: {{url: 'https://x/{CANARY}', secret: '${{KEY}}'}}}}]\n"
        f"mcp_servers: {{crm: {{url: 'https://x/?k={CANARY}', headers: {{Authorization: '${{KEY}}'}}}},"
        f" files: {{command: x, args: [{CANARY}], env: {{K: '${{KEY}}'}}}}}}\n"
        "models: {local: {tools: [a, crm]}}",
        KEY=f"whsec_{CANARY.replace('-', '')}{'A' * 30}",
    )
    assert config.tools[0].webhook.signing_key() and config.models["local"].tools == ("a", "crm")
    assert config.mcp_servers["crm"].headers["Authorization"].reveal().startswith("whsec_canary7f3a")
    assert "canary" not in repr(config) and "canary" not in str(config)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("server: {prot: 1}", "server.prot"),
        ("sever: {}", "sever"),
        (f"server: {{port: {CANARY}}}", "server.port"),
        ("server: {port: 70000}", "server.port"),
        ("server: {tls: {mode: 'on'}}", "server.tls.mode"),
        ("server: {tls: {mode: files}}", "server.tls"),
        (f"server: {{tls: {{mode: {CANARY}}}}}", "server.tls.mode"),
        ("media: {addresses: here}", "media.addresses"),
        ("media: {silence_notice_s: 60}", "media.silence_notice_s"),
        ("sessions: {max: 0}", "sessions.max"),
        ("opus: {bitrate: yes}", "opus.bitrate"),
        ("keys: [{name: a}]", "keys[0]"),
        (f"keys: [{{name: a, key: {CANARY}, sha256: '{'a' * 64}'}}]", "keys[0]"),
        (f"keys: [{{name: a, sha256: {CANARY}}}]", "keys[0].sha256"),
        (f"keys: [{{name: a, key: [{CANARY}]}}]", "keys[0].key"),
        (f"keys: [{{name: a, key: {CANARY}, scopes: [{CANARY}]}}]", "keys[0].scopes[0]"),
        (f"keys: [{{key: {CANARY}}}]", "keys[0].name"),
        ("keys: [{name: a, key: x, models: [nobody]}]", "keys[0].models"),
        ("keys: [{name: a, key: x}, {name: a, key: y}]", "keys"),
        ("keys: [{name: a, key: '${NO_SUCH}'}]", "keys[0].key"),
        ("keys: [{name: a, key: '${file:/no/such/file}'}]", "keys[0].key"),
        ("keys: [{name: a, key: '${}'}]", "keys[0].key"),
        ("tools: [{name: 'a b', webhook: {url: 'http://x'}}]", "tools[0].name"),
        ("tools: [{name: a}]", "tools[0].webhook"),
        (f"tools: [{{name: a, webhook: {{url: 'file:///{CANARY}'}}}}]", "tools[0].webhook.url"),
        (f"tools: [{{name: a, webhook: {{url: 'http://x', secret: {CANARY}}}}}]", "tools[0].webhook.secret"),
        ("tools: [{name: a, webhook: {url: 'http://x', secret: 'whsec_dG9vIHNob3J0'}}]", "tools[0].webhook.secret"),
        ("tools: [{name: a, webhook: {url: 'http://x', timeout_s: 0}}]", "tools[0].webhook.timeout_s"),
        ("tools: [{name: a, webhook: {url: 'http://x'}}, {name: a, webhook: {url: 'http://y'}}]", "tools"),
        ("mcp_servers: {crm: {}}", "mcp_servers.crm"),
        ("mcp_servers: {crm: {url: 'http://x', command: x}}", "mcp_servers.crm"),
        ("mcp_servers: {crm: {url: 'http://x', args: [x]}}", "mcp_servers.crm"),
        ("mcp_servers: {crm: {command: x, headers: {a: b}}}", "mcp_servers.crm.headers"),
        (f"mcp_servers: {{ok: {{url: 'http://x'}}, crm: {{url: {CANARY}}}}}", "mcp_servers.crm.url"),
        ("tools: [{name: a, webhook: {url: 'http://x'}}]\nmcp_servers: {a: {command: x}}", "mcp_servers.a"),
        ("tool_filler: {after_s: 0}", "tool_filler.after_s"),
        ("models: {local: {tools: [nothing]}}", "models.local.tools"),
        ("models: {}", "models"),
        ("models: {m: {bridge: echo}}", "default_model"),
        ("models: {local: {}, other: {bridgee: echo}}", "models.other.bridgee"),
        ("models: {local: {deadlines: {warm_s: x}}}", "models.local.deadlines[...]"),
        ("server: {port: 1}\nserver: {port: 2}", "server"),
        ("- 1", ""),
        (": :", ""),
        ("a: [", ""),
        ("server: !!python/object/apply:os.system [true]", ""),
        ("server: {port: " + "9" * 5000 + "}", ""),
        (b"\xff\xfe\x00", ""),
        ("[" * 1000, ""),
        ("x: " + "[" * 30 + "]" * 30, ""),
        ("a: &a x\nb: [" + "*a, " * 51 + "]", ""),
    ],
)  # fmt: skip
def test_refuses_to_start_and_names_the_key_but_never_the_value(read: Any, text: str | bytes, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text)
    assert refused.value.path == path
    assert CANARY not in str(refused.value)


def test_an_alias_bomb_does_not_explode(read: Any) -> None:
    rows = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 5)}]" for n in range(1, 10))
    with pytest.raises(ConfigError, match="more than"):
        read(f"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{rows}")


def test_a_huge_file_is_not_read(read: Any) -> None:
    with pytest.raises(ConfigError, match="larger"):
        read(b"#" * 300_000)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml"):
        load(tmp_path / "nothing.yaml")


def test_an_empty_file_is_all_defaults(read: Any) -> None:
    assert read("# nothing\n") == Config()


@pytest.mark.parametrize(("said", "expected"), [("auto", "auto"), ("1", 1), ("256", 256)])
def test_workers_are_a_number_or_one_per_core(read: Any, said: str, expected: Any) -> None:
    assert read(f"server: {{workers: {said}}}").server.workers == expected


@pytest.mark.parametrize("said", ["0", "257", "many", "1.5", "null", "true"])
def test_no_other_number_of_workers_is_taken(read: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.workers"):
        read(f"server: {{workers: {said}}}")


def test_what_was_read_can_be_parsed_later(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("server: {port: 9}")
    text = read_file(file)
    file.unlink()
    assert parse(text).server.port == 9 and parse(read_file(None)) == Config()
