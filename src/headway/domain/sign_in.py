"""Signing in by a code that is good once: whom it lets in, until when, and what is kept of it."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from headway.domain.principal import Principal

CODE_LIFETIME: Final = timedelta(seconds=60)
"""How long a code is good that a learner's token was given in for."""

_RANDOM_BYTES: Final = 32
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class SignIn(NamedTuple):
    """Whom a browser speaks for that brings the code, and when its session is over at the latest.

    `ends_at` is the end of the token that the code was given for; `None`: there was none.
    """

    principal: Principal
    ends_at: datetime | None


def new_code() -> str:
    """A code that nobody can guess: 256 random bits, as they can stand in an address."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def is_code(text: str) -> bool:
    """Whether `text` has the form of a code."""
    return _CODE.fullmatch(text) is not None


def digest_of(code: str) -> str:
    """What is kept of a code: who reads it can not sign in by it. A code that can not be guessed needs no salt."""
    return hashlib.sha256(code.encode()).hexdigest()
