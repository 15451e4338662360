"""Whom to count together among those who are known by nothing but their address."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

LINE_BITS = 64
"""The least that one line is given of IPv6 (RFC 6177): who has one has all of its addresses."""


@lru_cache(maxsize=4096)
def line_of(address: str) -> str:
    """Return the line an address belongs to: an IPv6 one its /64, an IPv4 one itself.

    IPv4 inside IPv6 (RFC 4291, section 2.5.5.2) counts as IPv4. What is no address is returned as
    it is, without the zone after ``%``.
    """
    bare = address.partition("%")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return bare
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, LINE_BITS), strict=False))
