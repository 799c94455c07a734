"""The cookies that the pages set, and how a browser is to treat them."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine.requests import origin_of

ATTEMPT_COOKIE: Final = "headway_sign_in_"
"""Before the `state` of an attempt (RFC 6749 section 10.12), so that those in several tabs go on side by side."""


@dataclass(frozen=True)
class CookieJar:
    """Sets cookies that no script reads, and that other sites' pages do not make a browser send.

    Where others may frame the pages, a browser has to send them in frames: on https it keeps them apart for each site
    that does (CHIPS). `public_url` is the origin that browsers see; `None`: the one that they ask.
    """

    public_url: str | None
    framed: bool

    def origin(self, request: Request) -> str:
        """The origin of the pages."""
        return origin_of(self.public_url, request.url.scheme, request.url.netloc)

    def put(self, request: Request, response: Response, name: str, value: str, seconds: int, path: str = "/") -> None:
        """Let a browser keep a cookie for so many seconds; 0: let it forget one."""
        attributes = [f"{name}={value}", f"Max-Age={seconds}", f"Path={path}", "HttpOnly"]
        secure = self.origin(request).startswith("https://")
        if secure and self.framed:
            attributes += ["Secure", "SameSite=None", "Partitioned"]
        elif secure:
            attributes += ["Secure", "SameSite=Lax"]
        else:
            attributes += ["SameSite=Lax"]
        response.headers.append("set-cookie", "; ".join(attributes))
