"""Addresses of PostgreSQL databases, in a form that may be shown: without the password."""

import re
from typing import Final

from headway.domain.errors import ConfigurationError

_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.%-]+)(?::\d+)?"
_ADDRESS: Final = re.compile(
    rf"(postgres(?:ql)?://)(?:([^:@/?#]*)(?::[^@/?#]*)?@)?((?:{_HOST}(?:,{_HOST})*)?(?:/[\w.%-]*)?)(?:\?[^@#]*)?"
)


def without_password(url: str) -> str | None:
    """Return the address without password and options; `None` where it is unclear which part is the password."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return None
    scheme, user, host = found.groups()
    return f"{scheme}{user}@{host}" if user else f"{scheme}{host}"


def require_address(url: str) -> str:
    """Return the address in a form that may be shown. Raises `ConfigurationError` without any part of the address."""
    shown = without_password(url)
    if shown is None:
        raise ConfigurationError(
            "HEADWAY_DATABASE_URL is not an address of a PostgreSQL database, such as "
            "postgresql://user:password@host:5432/database. In a password write characters such as / ? # @ in percent "
            "form."
        )
    return shown
