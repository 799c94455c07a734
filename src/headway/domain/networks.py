"""Which network addresses a webhook may be sent to: public ones, and those of networks that the operator allows.

A webhook's address comes from a client of the API. Without these rules, a client could make the service send requests
to machines behind its firewall.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

NetworkAddress = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Networks = tuple[Network, ...]


def read_network(text: str) -> Network:
    """Return the network of a text such as `10.0.0.0/8`. Raises `ValueError` where it is none."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            "a network is its first address and the length of its prefix, such as 10.0.0.0/8 or fd12:3456::/32"
        ) from None


def may_be_reached(address: NetworkAddress, allowed: Networks, *, encrypted: bool) -> bool:
    """Whether a webhook may be sent to `address`. `encrypted` says that it is sent with TLS.

    Without TLS, only addresses in an allowed network may be reached.
    """
    target = _target(address)
    if _is_in(target, _NEVER):
        return False
    return _is_in(target, allowed) or (encrypted and _is_public(target))


def _networks(*texts: str) -> Networks:
    return tuple(map(ip_network, texts))


# An operator who allows a large network does not mean these: they lead to the machine's own cloud, or to no machine.
_NEVER: Final = _networks(
    "0.0.0.0/8",
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "168.63.129.16/32",  # metadata of Azure; the address counts as public
    "169.254.0.0/16",  # link-local, with the metadata of most clouds: 169.254.169.254
    "192.0.0.192/32",  # metadata of Oracle Cloud
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "fd00:ec2::/32",  # metadata of AWS
    "fd20:ce::/32",  # metadata of Google Cloud
    "fe80::/10",
    "ff00::/8",
)
# Some versions of Python take parts of these for public.
_SPECIAL: Final = _networks(
    "192.0.0.0/24",
    "192.88.99.0/24",  # relays of 6to4
    "2001::/23",  # Teredo, which leads to an IPv4 address, and others
    "2002::/16",  # 6to4, which leads to an IPv4 address
)
_IPV6_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LAST_32_BITS: Final = 0xFFFF_FFFF


def _is_public(address: NetworkAddress) -> bool:
    if isinstance(address, IPv6Address) and address not in _IPV6_UNICAST:
        return False
    return address.is_global and not _is_in(address, _SPECIAL)


def _target(address: NetworkAddress) -> NetworkAddress:
    """Return the IPv4 address to which an IPv6 address leads by itself: mapped, or by NAT64 (RFC 6052)."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & _LAST_32_BITS)
    return address.ipv4_mapped or address


def _is_in(address: NetworkAddress, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
