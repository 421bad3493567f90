import ssl
from pathlib import Path

import pytest

from mediaserver.config import Tls
from mediaserver.errors import ConfigError
from signaling.tls import identity


def test_no_tls_is_no_identity() -> None:
    assert identity(Tls()) is None


def test_a_certificate_made_at_start_differs_each_time() -> None:
    first, second = identity(Tls(mode="self-signed")), identity(Tls(mode="self-signed"))
    assert first is not None and second is not None
    assert first.fingerprint != second.fingerprint and len(first.fingerprint) == 95
    assert first.context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_kept_certificate_stays_and_its_key_is_private(tmp_path: Path) -> None:
    tls = Tls(mode="self-signed", directory=str(tmp_path / "state"))
    first, second = identity(tls), identity(tls)
    assert first is not None and second is not None and first.fingerprint == second.fingerprint
    assert (tmp_path / "state" / "mediaserver.key").stat().st_mode & 0o077 == 0
    files = Tls(
        mode="files", certificate=str(tmp_path / "state/mediaserver.crt"), key=str(tmp_path / "state/mediaserver.key")
    )
    third = identity(files)
    assert third is not None and third.fingerprint == first.fingerprint


def test_names_this_machine(tmp_path: Path) -> None:
    from cryptography import x509

    identity(Tls(mode="self-signed", directory=str(tmp_path)))
    leaf = x509.load_pem_x509_certificate((tmp_path / "mediaserver.crt").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in {str(address) for address in names.get_values_for_type(x509.IPAddress)}


@pytest.mark.parametrize("files", [{}, {"certificate": "x"}, {"certificate": "junk"}])
def test_what_cannot_be_used_names_the_key(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "junk").write_text("junk")
    tls = Tls(mode="files", certificate=str(tmp_path / files.get("certificate", "none")), key=str(tmp_path / "none"))
    with pytest.raises(ConfigError) as refused:
        identity(tls)
    assert refused.value.path == "server.tls"
    with pytest.raises(ConfigError):
        identity(Tls(mode="self-signed", directory=str(tmp_path / "junk" / "under")))
