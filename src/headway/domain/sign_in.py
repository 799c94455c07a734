"""Sign-in codes: a code signs a browser in once."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.principal import Principal

CODE_LIFETIME: Final = timedelta(seconds=60)
"""How long a code is valid that was created with a learner's token."""

_RANDOM_BYTES: Final = 32
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class SignIn(NamedTuple):
    """The principal that a code signs in, and when the session ends at the latest.

    `ends_at` is the end of the token that the code was created with; `None` where there was no token.
    """

    principal: Principal
    ends_at: datetime | None


def new_code() -> str:
    """Return a new code of 256 random bits. It can be part of a URL."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def is_code(text: str) -> bool:
    """Whether `text` has the form of a code."""
    return _CODE.fullmatch(text) is not None


def digest_of(code: str) -> str:
    """Return the SHA-256 digest of a code. Stores keep the digest, because nobody can sign in with it.

    A code of 256 random bits needs no salt.
    """
    return hashlib.sha256(code.encode()).hexdigest()
