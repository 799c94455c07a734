"""PostgreSQL's addresses, as they may be shown: without a password, whatever was put in its place."""

import re
from typing import Final

from headway.domain.errors import ConfigurationError

_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.%-]+)(?::\d+)?"
_ADDRESS: Final = re.compile(
    rf"(postgres(?:ql)?://)(?:([^:@/?#]*)(?::[^@/?#]*)?@)?((?:{_HOST}(?:,{_HOST})*)?(?:/[\w.%-]*)?)(?:\?[^@#]*)?"
)


def without_password(url: str) -> str | None:
    """The address without password and options; `None` where one can not tell which part the password is."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return None
    scheme, user, position = found.groups()
    return f"{scheme}{user}@{position}" if user else f"{scheme}{position}"


def require_address(url: str) -> str:
    """The address as it may be shown. Raises `ConfigurationError`, which quotes nothing of it."""
    shown = without_password(url)
    if shown is None:
        raise ConfigurationError(
            "HEADWAY_DATABASE_URL is no address of a PostgreSQL database, such as "
            "postgresql://user:password@host:5432/database. In a password write characters such as / ? # @ in percent "
            "form."
        )
    return shown
