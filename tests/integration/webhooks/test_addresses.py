"""Where a connection really goes: names that change, names that lie, and TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from config.webhooks.delivering import loopback_allowed
from config.webhooks.posting import Posted, Poster
from network.clock import wall_now
from network.services import Services
from tests.fixtures.aside import aside
from tests.fixtures.programme import Programme
from tests.integration.webhooks.desk import Desk
from tests.integration.webhooks.receiver import Receiver, answering, receiving


class Names:
    """A resolver whose answers change from one question to the next, and who was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not found:
            raise OSError("no such name")
        return found


def post(
    url: str, names: Names, *, loopback: bool = False, tls: ssl.SSLContext | None = None
) -> Posted:
    """Post once and return how it ended."""
    trusted = tls or ssl.create_default_context()
    poster = Poster(resolve=names, loopback=loopback, timeout_seconds=3.0, tls=trusted)

    async def once() -> Posted:
        try:
            return await poster.post(url, headers={}, body=b"{}")
        finally:
            poster.close()

    return aside(lambda: asyncio.run(once()))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that takes everything."""
    with receiving(answering(204)) as receiver:
        yield receiver


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200"),
        *("::1", "::ffff:127.0.0.1", "fe80::1", "fe80::1%lo", "fd00:ec2::254", "64:ff9b::7f00:1"),
        "2002:7f00:1::",
    ],
)
def test_a_name_that_resolves_to_a_closed_address_is_not_connected_to(
    receiver: Receiver, address: str
) -> None:
    names = Names([address])
    assert post(f"https://shop.example:{receiver.port}/", names).outcome == "address_refused"
    assert names.asked == [("shop.example", receiver.port)]
    assert receiver.connections == 0


def test_every_resolution_is_checked_anew(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"])
    url = f"http://localhost:{receiver.port}/"
    outcomes = [post(url, names, loopback=True).outcome for _ in range(3)]
    assert outcomes == ["delivered", "address_refused", "delivered"]
    assert len(names.asked) == 3


def test_a_name_that_changes_between_check_and_connection_is_asked_only_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[object] = []
    loop_class = asyncio.SelectorEventLoop
    real = loop_class.sock_connect

    async def watched(self: asyncio.SelectorEventLoop, sock: object, address: object) -> None:
        went.append(address)
        await real(self, sock, address)  # type: ignore[arg-type]

    monkeypatch.setattr(loop_class, "sock_connect", watched)
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    assert post(f"http://localhost:{receiver.port}/", names, loopback=True).status == 204
    assert went == [("127.0.0.1", receiver.port)]
    assert names.asked == [("localhost", receiver.port)]


def test_one_closed_address_among_open_ones_is_enough(receiver: Receiver) -> None:
    names = Names(["93.184.216.34", "127.0.0.1"])
    assert post(f"https://shop.example:{receiver.port}/", names).outcome == "address_refused"
    assert receiver.connections == 0


def test_a_name_that_nobody_knows(receiver: Receiver) -> None:
    assert post("https://shop.example/", Names([])).outcome == "unresolved"


def test_an_address_in_the_url_is_checked_again(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"])
    for url in (receiver.url, f"https://127.0.0.1:{receiver.port}/", "https://2130706433/"):
        assert post(url, names).outcome == "address_refused"
    assert receiver.connections == 0
    assert names.asked == []


def test_the_system_resolver_reads_no_strange_forms_past_the_check(
    desk: Desk, receiver: Receiver
) -> None:
    desk.endpoint(receiver.url)
    desk.happen()
    assert desk.run(loopback=False) == 1
    last = desk.only().last
    assert last is not None
    assert last.outcome == "address_refused"
    assert receiver.connections == 0


def test_loopback_takes_a_setting_and_an_installation_that_is_not_real(
    services: Services, programme: Programme
) -> None:
    def allowed(*, asked: bool, embedded: bool) -> bool:
        settings = replace(services.settings, webhook_loopback=asked, embedded=embedded)
        return loopback_allowed(replace(services, settings=settings))

    assert [allowed(asked=asked, embedded=False) for asked in (False, True)] == [False, True]


def test_a_real_installation_does_not_go_to_itself(services: Services) -> None:
    settings = replace(services.settings, webhook_loopback=True)
    assert not loopback_allowed(replace(services, settings=settings))
    assert loopback_allowed(replace(services, settings=replace(settings, embedded=True)))
    assert not loopback_allowed(
        replace(services, settings=replace(settings, webhook_loopback=False, embedded=True))
    )


def certificate(folder: Path, *, names: list[x509.GeneralName]) -> tuple[Path, Path]:
    """Write a self-signed certificate for ``names`` and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = wall_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_the_certificate_is_that_of_the_name_at_the_checked_address(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, names=[x509.DNSName("localhost")])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    with receiving(answering(200), tls=server) as receiver:
        named = f"https://localhost:{receiver.port}/"
        names = Names(["127.0.0.1"])
        assert post(named, names, loopback=True, tls=trusting).status == 200
        assert post(named, names, loopback=True).outcome == "tls_failed"
        literal = f"https://127.0.0.1:{receiver.port}/"
        assert post(literal, names, loopback=True, tls=trusting).outcome == "tls_failed"
        assert len(receiver.requests) == 1


def test_an_address_may_have_a_certificate_of_its_own(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, names=[x509.IPAddress(ip_address("127.0.0.1"))])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=str(cert))
    with receiving(answering(200), tls=server) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        assert post(url, Names(["127.0.0.1"]), loopback=True, tls=trusting).status == 200


def test_https_to_a_receiver_without_tls(receiver: Receiver) -> None:
    url = f"https://localhost:{receiver.port}/"
    assert post(url, Names(["127.0.0.1"]), loopback=True).outcome == "timed_out"
