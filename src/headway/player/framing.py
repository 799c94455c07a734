"""Where the content of packages runs, and what its scripts may do there.

Content has an origin of its own, which has no session, or it runs in a sandbox, where it has no origin at all. Either
way its scripts read no cookie of the pages, and a browser does not let them leave their frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

_ALLOWED: Final = ("allow-downloads", "allow-forms", "allow-modals", "allow-popups", "allow-scripts")
_SAME_ORIGIN: Final = "allow-same-origin"


@dataclass(frozen=True)
class Framing:
    """How content is framed. `origin` is its own (empty: it has none, and is in a sandbox).

    `ancestors` are the origins whose pages may frame the player; `pages` is that of Headway's own (`None`: the same as
    the content's).
    """

    origin: str = ""
    pages: str | None = None
    ancestors: Sequence[str] = ()

    @property
    def is_sandboxed(self) -> bool:
        """Whether content has no origin."""
        return not self.origin

    @property
    def sandbox(self) -> str:
        """What a frame with content is allowed (HTML Standard, "Sandboxing"): all but to leave the frame."""
        return " ".join(_ALLOWED if self.is_sandboxed else (*_ALLOWED, _SAME_ORIGIN))

    @cached_property
    def page_policy(self) -> str:
        """The Content-Security-Policy of the player page. Only the pages of known origins may frame it.

        In a sandbox its frame has content of this service alone: the name of that window says which launch it is, and
        the window would keep its name on another site.
        """
        ancestors = " ".join([self.pages or "'self'", *self.ancestors])
        policy = f"sandbox {self.sandbox}; frame-ancestors {ancestors}"
        return f"{policy}; frame-src 'self'" if self.is_sandboxed else policy

    @cached_property
    def file_policy(self) -> str:
        """The Content-Security-Policy of the files of packages.

        The sandbox stands there too, for a file that is opened outside of its frame. A player page in a sandbox has no
        origin that could be named among those that may frame a file.
        """
        if self.is_sandboxed:
            return f"sandbox {self.sandbox}"
        return f"{self.page_policy} 'self'"


SANDBOXED: Final = Framing()
"""Content has no origin, and only Headway's own pages frame it."""
