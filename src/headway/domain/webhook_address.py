"""The address of a webhook as text: what it may be, and its canonical form.

The name in it is resolved when something is sent, and what it resolves to is checked then (`networks.may_be_reached`).
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

from headway.domain.errors import InvalidValueError, Problem
from headway.domain.networks import Networks, may_be_reached

LONGEST_ADDRESS: Final = 2_000
HIGHEST_PORT: Final = 65_535

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
# Without spaces, control characters, and the backslash that browsers read as a slash.
_ADDRESS: Final = re.compile(r"(?i:https?)://[^\s\x00-\x20\x7f/?#\\]+([/?][!-\[\]-~]*)?")
_LONGEST_NAME: Final = 253
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# A name with such an end is a number to many resolvers: 127.1, 2130706433 and 0x7f.1 are all 127.0.0.1.
_NUMERIC: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
_IPV6: Final = re.compile(r"\[([0-9a-f:.]+)\]")


def read_address(text: str, allowed: Networks) -> str:
    """Return the canonical form of a webhook's address.

    The host is in lower case and in ASCII, and the port is left out where it is the usual one. Addresses of http are
    taken where `allowed` names a network. Raises `InvalidValueError`, without the address: it may hold a secret.
    """
    if len(text) > LONGEST_ADDRESS:
        raise _refusal(f"The address is longer than {LONGEST_ADDRESS:,} characters.")
    if "#" in text:
        raise _refusal("The address has a fragment (#), which no receiver gets.")
    if not _ADDRESS.fullmatch(text):
        raise _refusal("The address is not one of https, such as https://lms.example/hooks, in ASCII after the host.")
    parts = _split(text)
    if "@" in parts.netloc:
        raise _refusal("The address has a user name or a password in it. Receivers know the service by its signature.")
    if parts.scheme == "http" and not allowed:
        raise _refusal("The address is not one of https.")
    host = _host(parts, allowed)
    port = _port(parts)
    query = f"?{parts.query}" if parts.query else ""
    canonical = f"{parts.scheme}://{host}{port}{parts.path or '/'}{query}"
    if len(canonical) > LONGEST_ADDRESS:
        raise _refusal(f"The address is longer than {LONGEST_ADDRESS:,} characters.")
    return canonical


def public_part(address: str) -> str:
    """Return the host and the path of an address, for lists: a query often holds a token."""
    parts = urlsplit(address)
    return f"{parts.netloc}{parts.path}"


def host_of(address: str) -> str:
    """Return the host of an address, with the port where it is not the usual one."""
    return urlsplit(address).netloc


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise _refusal("The host of the address is neither a name nor an IP address.") from None


def _host(parts: SplitResult, allowed: Networks) -> str:
    # Not `parts.hostname`, which also takes text before and after the brackets of an IPv6 address.
    written = re.sub(r":[^:\]]*$", "", parts.netloc).lower()
    bracketed = _IPV6.fullmatch(written)
    name = bracketed[1] if bracketed else _ascii(written).removesuffix(".")
    if bracketed or _NUMERIC.fullmatch(name):
        return _ip_host(name, parts.scheme, allowed)
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise _refusal("The host of the address is neither a name nor an IP address.")
    return name


def _ascii(name: str) -> str:
    """Return a name as the domain name system has it: `bücher.example` is `xn--bcher-kva.example`."""
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode()
    except UnicodeError:
        raise _refusal("The host of the address has characters that no name may have.") from None


def _ip_host(text: str, scheme: str, allowed: Networks) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        raise _refusal("The IP address is not written in the usual way, such as 192.0.2.1 or [2001:db8::1].") from None
    if not may_be_reached(address, allowed, encrypted=scheme == "https"):
        raise _refusal("The IP address is not public, and HEADWAY_WEBHOOKS_ALLOW does not name its network.")
    return f"[{address}]" if ":" in text else str(address)


def _port(parts: SplitResult) -> str:
    _, colon, written = parts.netloc.rpartition("]")[2].partition(":")
    if not colon:
        return ""
    if not re.fullmatch(r"[0-9]{1,5}", written) or not 1 <= int(written) <= HIGHEST_PORT:
        raise _refusal(f"The port of the address is not a number from 1 to {HIGHEST_PORT}.")
    return "" if int(written) == _DEFAULT_PORTS[parts.scheme] else f":{int(written)}"


def _refusal(reason: str) -> InvalidValueError:
    return InvalidValueError([Problem(("address",), reason, "address")])
