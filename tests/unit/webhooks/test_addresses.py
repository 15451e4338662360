"""Where webhooks may go: every way to name a machine that is not on the public internet."""

from __future__ import annotations

import ipaddress

import pytest

from network.events.webhooks.addresses import (
    AddressRefusedError,
    UrlRefusedError,
    check_addresses,
    is_open,
    read_url,
)

REFUSED = {
    # not https
    "http://shop.example/hook": "scheme",
    "http://93.184.216.34/hook": "scheme",
    "ftp://shop.example/": "scheme",
    "file:///etc/passwd": "scheme",
    "gopher://shop.example/": "scheme",
    "//shop.example/": "scheme",
    "shop.example/hook": "scheme",
    "": "form",
    # user-info, and hosts that only look like the one before
    "https://user@shop.example/": "user_info",
    "https://user:word@shop.example/": "user_info",
    "https://shop.example@127.0.0.1/": "user_info",
    "https://shop.example%40127.0.0.1/": "host",
    "https://shop.example\\@127.0.0.1/": "form",
    "https://shop.example\\.internal/": "form",
    "https://shop.example/#part": "fragment",
    "https://shop.example#@127.0.0.1/": "fragment",
    # characters that parsers read differently
    "https://shop.example/a b": "form",
    "https://shop.example/\r\nHost: other": "form",
    "https://shop.example\t/": "form",
    "https://shop。example/": "form",
    "https://①②⑦.0.0.1/": "form",
    "https://فروشگاه.example/": "form",
    "https://shop.example:0/": "port",
    "https://shop.example:/": "port",
    "https://shop.example:65536/": "form",
    "https://shop.example:-1/": "form",
    "https://shop.example:80a/": "form",
    # no names of several labels
    "https:///hook": "host",
    "https://localhost/": "host",
    "https://postgres:5432/": "host",
    "https://shop.example./": "host",
    "https://.example/": "host",
    "https://shop..example/": "host",
    "https://-shop.example/": "host",
    "https://sho%70.example/": "host",
    "https://" + "a" * 64 + ".example/": "host",
    "https://" + "a.b" * 90 + ".example/": "host",
    # IPv4 in the usual form
    "https://127.0.0.1/": "address",
    "https://127.255.255.254:8443/": "address",
    "https://10.0.0.1/": "address",
    "https://172.16.0.1/": "address",
    "https://172.31.255.255/": "address",
    "https://192.168.1.1/": "address",
    "https://169.254.169.254/latest/meta-data/": "address",
    "https://100.100.100.200/": "address",
    "https://168.63.129.16/": "address",
    "https://0.0.0.0/": "address",
    "https://255.255.255.255/": "address",
    "https://224.0.0.1/": "address",
    "https://198.18.0.1/": "address",
    "https://192.0.2.1/": "address",
    # and in the forms that inet_aton takes
    "https://2130706433/": "address",
    "https://0x7f000001/": "address",
    "https://0x7f.0.0.1/": "address",
    "https://0177.0.0.1/": "address",
    "https://017700000001/": "address",
    "https://127.1/": "address",
    "https://127.0.1/": "address",
    "https://8.8.8.010/": "address",
    "https://134744072/": "address",
    "https://1.2.3.4.5/": "address",
    "https://300.1.1.1/": "address",
    # IPv6: loopback, mapped, compatible, translated, tunnelled, local
    "https://[::1]/": "address",
    "https://[::]/": "address",
    "https://[::ffff:127.0.0.1]/": "address",
    "https://[::ffff:7f00:1]/": "address",
    "https://[::ffff:8.8.8.8]/": "address",
    "https://[::127.0.0.1]/": "address",
    "https://[64:ff9b::7f00:1]/": "address",
    "https://[64:ff9b:1::a00:1]/": "address",
    "https://[2002:7f00:1::]/": "address",
    "https://[2001:0:7f00:1::]/": "address",
    "https://[2001:db8::1]/": "address",
    "https://[fe80::1]/": "address",
    "https://[fe80::1%25eth0]/": "host",
    "https://[fec0::1]/": "address",
    "https://[fc00::1]/": "address",
    "https://[fd00:ec2::254]/": "address",
    "https://[ff02::1]/": "address",
    "https://[100::1]/": "address",
    "https://[::1/": "form",
    "https://[shop.example]/": "form",
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(UrlRefusedError) as refused:
        read_url(url)
    assert refused.value.reason == REFUSED[url]
    assert refused.value.facts == {"reason": REFUSED[url]}
    assert refused.value.field == "url"


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://shop.example", "shop.example", "/"),
        ("https://Shop.Example/Hook?a=1&b=%2F", "shop.example", "/Hook?a=1&b=%2F"),
        ("https://shop.example:443/", "shop.example", "/"),
        ("https://shop.example:8443/x", "shop.example:8443", "/x"),
        ("https://xn--mgba3gch31f060k.example/", "xn--mgba3gch31f060k.example", "/"),
        ("https://my_shop.example/", "my_shop.example", "/"),
        ("https://93.184.216.34/", "93.184.216.34", "/"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443", "/"),
        ("https://[2606:4700:0:0::1111]/", "[2606:4700::1111]", "/"),
    ],
)
def test_what_is_public_is_taken(url: str, authority: str, path: str) -> None:
    target = read_url(url)
    assert (target.secure, target.authority, target.path) == (True, authority, path)


def test_a_url_that_is_too_long_is_refused() -> None:
    assert read_url("https://shop.example/" + "a" * 2000).path
    with pytest.raises(UrlRefusedError):
        read_url("https://shop.example/" + "a" * 2040)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9000/x", "http://localhost/", "http://[::1]:1/", "https://127.0.0.1/"],
)
def test_development_may_name_this_machine(url: str) -> None:
    assert read_url(url, loopback=True).host in {"127.0.0.1", "localhost", "::1"}
    with pytest.raises(UrlRefusedError):
        read_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "http://8.8.8.8/",
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost.example/",
        "https://postgres/",
    ],
)
def test_development_may_name_nothing_else(url: str) -> None:
    with pytest.raises(UrlRefusedError):
        read_url(url, loopback=True)


def test_one_closed_address_closes_them_all() -> None:
    assert check_addresses(["8.8.8.8", "2606:4700:0::1111"]) == ["8.8.8.8", "2606:4700::1111"]
    for found in (["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["::ffff:8.8.8.8"], [], ["x"]):
        with pytest.raises(AddressRefusedError):
            check_addresses(found)


def test_loopback_is_allowed_alone() -> None:
    assert check_addresses(["127.0.0.1", "::1"], loopback=True) == ["127.0.0.1", "::1"]
    for found in (["127.0.0.1", "10.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["169.254.169.254"]):
        with pytest.raises(AddressRefusedError):
            check_addresses(found, loopback=True)


def test_nothing_is_open_that_the_standard_library_calls_private() -> None:
    for number in range(0, 2**32, 65_521 * 7):
        address = ipaddress.IPv4Address(number)
        assert not (is_open(address) and (address.is_private or address.is_multicast)), address
    for number in range(2**16):
        address6 = ipaddress.IPv6Address((number << 112) | 1)
        assert not (is_open(address6) and (address6.is_private or address6.is_multicast)), address6
