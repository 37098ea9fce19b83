"""TLS speaks of the name in the URL, although the connection goes to a judged address."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loopback import Names, answering, serving
from oncue.lib.addresses import Allowed, NotAllowed
from oncue.lib.outbound import GuardedClient, Unreachable

pytestmark = pytest.mark.anyio

SOON = timedelta(seconds=5)
SHORT = timedelta(seconds=0.5)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS for hooks.test, which this process is made to trust."""
    file = tmp_path / "hooks.pem"
    file.write_bytes(_certificate("hooks.test"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def client() -> GuardedClient:
    names = Names(hooks_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    return GuardedClient(Allowed.parse("127.0.0.1"), resolver=names, ports=range(65536))


async def test_the_name_is_asked_for_and_checked_in_the_certificate(tls: ssl.SSLContext) -> None:
    asked_for: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with serving(answering(204), tls=tls) as receiver:
        answered = await client().post(f"https://hooks.test:{receiver.port}/", b"", {}, SOON)

    assert answered.status == 204
    assert asked_for == ["hooks.test"]


async def test_a_certificate_for_another_name_is_refused(tls: ssl.SSLContext) -> None:
    async with serving(answering(), tls=tls) as receiver:
        with pytest.raises(Unreachable, match="its TLS certificate is not valid for it"):
            await client().post(f"https://other.test:{receiver.port}/", b"secret", {}, SOON)

    assert receiver.asked == []


async def test_a_server_without_tls_gets_no_request(tls: ssl.SSLContext) -> None:
    async with serving(answering()) as receiver:
        with pytest.raises(Unreachable):
            await client().post(f"https://hooks.test:{receiver.port}/", b"secret", {}, SHORT)

    assert receiver.asked == []


async def test_a_redirect_never_leads_from_https_to_http(
    tls: ssl.SSLContext, tmp_path: Path
) -> None:
    async with serving(answering(200, b"photo")) as plain:
        downgrade = answering(302, location=f"http://hooks.test:{plain.port}/")
        async with serving(downgrade, tls=tls) as server:
            with pytest.raises(NotAllowed, match="from https to http"):
                await client().download(
                    f"https://hooks.test:{server.port}/", tmp_path / "fetched", 1_000, SOON
                )

    assert plain.asked == []


def _certificate(name: str) -> bytes:
    """A key and a certificate signed with it, good for this name and this day."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
