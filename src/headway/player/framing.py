"""Where the content of packages runs, and what its scripts may do there.

Content has an origin of its own, which has no session, or it runs in a sandbox, where it has no origin at all. Either
way its scripts read no cookie of the pages, and a browser does not let them leave their frame.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

_ALLOWED: Final = ("allow-downloads", "allow-forms", "allow-modals", "allow-popups", "allow-scripts")
_SAME_ORIGIN: Final = "allow-same-origin"


class Framing(NamedTuple):
    """How content is framed. `origin` is its own (empty: it has none, and is in a sandbox).

    `ancestors` are the origins whose pages may frame the player; `pages` is that of Headway's own (`None`: the same as
    the content's).
    """

    origin: str
    pages: str | None
    ancestors: Sequence[str]

    @property
    def is_sandboxed(self) -> bool:
        """Whether content has no origin."""
        return not self.origin

    @property
    def sandbox(self) -> str:
        """What a frame with content is allowed (HTML Standard, "Sandboxing"): all but to leave the frame."""
        return " ".join(_ALLOWED if self.is_sandboxed else (*_ALLOWED, _SAME_ORIGIN))

    @cached_property
    def policy(self) -> str:
        """The Content-Security-Policy of everything that is served to content.

        The sandbox stands there too, for a file that is opened outside of its frame.
        """
        ancestors = " ".join([self.pages or "'self'", "'self'", *self.ancestors])
        return f"sandbox {self.sandbox}; frame-ancestors {ancestors}"
