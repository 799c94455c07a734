"""Which addresses a webhook may be sent to, in every disguise that an address can have."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.domain.networks import Networks, may_be_reached, read_network

EVERYWHERE = (read_network("0.0.0.0/0"), read_network("::/0"))
IPV6_UNICAST = read_network("2000::/3")
LOOPBACK = (read_network("127.0.0.0/8"), read_network("::1/128"))


def reached(text: str, allowed: Networks = (), *, encrypted: bool = True) -> bool:
    return may_be_reached(ip_address(text), allowed, encrypted=encrypted)


@pytest.mark.parametrize(
    "public", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_a_public_address_is_reached_with_tls_alone(public: str) -> None:
    assert reached(public)
    assert not reached(public, encrypted=False)
    assert not reached(public, LOOPBACK, encrypted=False)


@pytest.mark.parametrize(
    "private",
    [
        "10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.255.255.254", "100.64.0.1", "198.18.0.1",
        "192.0.0.1", "192.0.2.1", "203.0.113.1", "240.0.0.1", "192.88.99.1",
        "::1", "fc00::1", "fd12::1", "fec0::1", "2001:db8::1", "100::1", "64:ff9b:1::7f00:1",
        "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "::ffff:0:127.0.0.1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_reached_in_allowed_networks_alone(private: str) -> None:
    assert not reached(private)
    assert not reached(private, (read_network("9.0.0.0/8"), read_network("2a00::/16")))
    assert reached(private, EVERYWHERE)
    assert reached(private, EVERYWHERE, encrypted=False)


@pytest.mark.parametrize(
    "never",
    [
        "169.254.169.254", "169.254.170.2", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "255.255.255.255",
        "::", "fe80::1", "fe80::1%eth0", "ff02::1", "ff0e::1", "fd00:ec2::254", "fd20:ce::254",
        "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:0.0.0.0",
    ],
)  # fmt: skip
def test_metadata_and_addresses_of_no_machine_are_never_reached(never: str) -> None:
    assert not reached(never)
    assert not reached(never, EVERYWHERE)


def test_an_allowed_network_opens_its_own_addresses_alone() -> None:
    allowed = (read_network("10.1.0.0/16"),)
    assert reached("10.1.255.255", allowed, encrypted=False)
    assert reached("::ffff:10.1.2.3", allowed)
    assert not reached("10.2.0.0", allowed)
    assert not reached("::1", allowed)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_treated_as_the_address_in_it(address: IPv4Address) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    for allowed in ((), LOOPBACK):
        for encrypted in (True, False):
            expected = may_be_reached(address, allowed, encrypted=encrypted)
            assert may_be_reached(mapped, allowed, encrypted=encrypted) is expected


@given(st.ip_addresses(v=4))
def test_every_public_ipv4_address_is_global(address: IPv4Address) -> None:
    assert not may_be_reached(address, (), encrypted=True) or (address.is_global and not address.is_multicast)


@given(st.ip_addresses(v=6))
def test_every_public_ipv6_address_is_a_global_one_or_leads_to_a_public_ipv4_address(address: IPv6Address) -> None:
    if not may_be_reached(address, (), encrypted=True):
        return
    if address in IPV6_UNICAST:
        assert address.is_global
    else:
        assert may_be_reached(IPv4Address(int(address) % 2**32), (), encrypted=True)


@pytest.mark.parametrize(
    "wrong", ["", "10.0.0.1/8", "localhost", "10.0.0.0/33", "10/8", "10.0.0.0-10.0.0.9", "::1/129"]
)
def test_a_text_that_is_no_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"such as 10\.0\.0\.0/8"):
        read_network(wrong)


def test_an_address_alone_is_a_network() -> None:
    assert read_network("127.0.0.1") == IPv4Network("127.0.0.1/32")
