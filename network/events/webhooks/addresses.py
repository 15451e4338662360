"""Where a webhook may go: the form of its URL, and the addresses that its host resolves to.

A merchant chooses the URL and our machine connects to it, so it must not lead into our own network
(OWASP: server-side request forgery). The form is checked when the URL is stored and again before
each connection; the addresses after each resolution, and the connection is made to a checked
address and not to the name. Sources of the lists: the IANA registries of special-purpose addresses
(RFC 6890 and its updates), of which nothing is taken that is not globally reachable.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from network.errors import PeyvandError

LONGEST_URL = 2048
_HTTPS, _HTTP = "https", "http"
_DEFAULT_PORTS = {_HTTPS: 443, _HTTP: 80}
_LONGEST_NAME = 253

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")

_CLOSED_V4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; a cloud's metadata too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own services, at a public address
        "169.254.0.0/16",  # link-local, most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_OPEN_V6 = IPv6Network("2000::/3")
"""All that is assigned for global unicast; mapped, translated and local forms lie outside."""
_CLOSED_V6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)


class UrlRefusedError(PeyvandError):
    """A webhook may not go to such a URL; ``reason`` says why, as a stable word."""

    code = "webhook_url_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a URL for webhooks: {reason}", field="url", facts={"reason": reason})
        self.reason = reason


class AddressRefusedError(PeyvandError):
    """The host of a webhook resolves to an address that is not on the public internet."""

    code = "webhook_address_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A checked URL in its parts; ``path`` holds the query too."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _DEFAULT_PORTS[_HTTPS if self.secure else _HTTP]
        return host if self.port == usual else f"{host}:{self.port}"


def read_url(url: str, *, loopback: bool = False) -> Target:
    """Return the parts of a URL that a webhook may have; raise UrlRefusedError.

    ``loopback``: this machine may be named, also without TLS; for development only.
    """
    if len(url) > LONGEST_URL or _PRINTABLE.fullmatch(url) is None or "\\" in url:
        raise UrlRefusedError("form")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefusedError("form") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise UrlRefusedError("scheme")
    if "@" in parts.netloc:
        raise UrlRefusedError("user_info")
    if "#" in url:
        raise UrlRefusedError("fragment")
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        raise UrlRefusedError("port")
    if "%" in parts.netloc:
        raise UrlRefusedError("host")
    host = _host(parts.hostname or "", loopback=loopback)
    secure = parts.scheme == _HTTPS
    if not secure and not (loopback and _names_loopback(host)):
        raise UrlRefusedError("scheme")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure=secure, host=host, port=port or _DEFAULT_PORTS[parts.scheme], path=path)


def check_addresses(found: list[str], *, loopback: bool = False) -> list[str]:
    """Return resolved addresses in one written form; raise AddressRefusedError if one is closed.

    One closed address among open ones closes them all: nobody publishes such a mixture in good
    faith. An empty list is refused as well.
    """
    if not found:
        raise AddressRefusedError("the host has no address")
    addresses = [_address(each) for each in found]
    if loopback and all(each.is_loopback for each in addresses):
        return [str(each) for each in addresses]
    for each in addresses:
        if not is_open(each):
            raise AddressRefusedError("the host resolves to an address that is not public")
    return [str(each) for each in addresses]


def is_open(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address lies on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in each for each in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in each for each in _CLOSED_V6)


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise AddressRefusedError("an address that cannot be read") from error


def _host(host: str, *, loopback: bool) -> str:
    """Return a host in lower case: a name of several labels, or an address in its usual form."""
    if ":" in host:
        return _literal(host, loopback=loopback)
    labels = host.split(".")
    if len(host) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefusedError("host")
    if _NUMBER.fullmatch(labels[-1]):
        # Systems read 0177.0.0.1, 0x7f.1 and 2130706433 as addresses; only the usual form is taken.
        return _literal(host, loopback=loopback)
    if len(labels) == 1 and not (loopback and host == "localhost"):
        raise UrlRefusedError("host")
    return host.lower()


def _literal(host: str, *, loopback: bool) -> str:
    try:
        return check_addresses([host], loopback=loopback)[0]
    except AddressRefusedError as error:
        raise UrlRefusedError("address") from error


def _names_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
