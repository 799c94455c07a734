"""The cookies that the pages set, and their attributes."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from headway.http.engine.requests import origin_of

ATTEMPT_COOKIE: Final = "headway_sign_in_"
"""The prefix of an attempt's cookie; the `state` (RFC 6749 section 10.12) follows. So each tab has its own attempt."""


@dataclass(frozen=True)
class CookieJar:
    """Sets cookies that scripts can not read, and that browsers do not send with other sites' forms and scripts.

    Where other sites may frame the pages (`framed`), browsers must send the cookies in frames. On https, they then keep
    separate cookies for each such site (CHIPS). `public_url` is the origin that browsers see; `None` means the
    request's own.
    """

    public_url: str | None
    framed: bool

    def origin(self, request: Request) -> str:
        """Return the origin of the pages."""
        return origin_of(self.public_url, request.url.scheme, request.url.netloc)

    def put(self, request: Request, response: Response, name: str, value: str, seconds: int, path: str = "/") -> None:
        """Set a cookie that the browser keeps for `seconds`; 0 removes it."""
        attributes = [f"{name}={value}", f"Max-Age={seconds}", f"Path={path}", "HttpOnly"]
        secure = self.origin(request).startswith("https://")
        if secure and self.framed:
            attributes += ["Secure", "SameSite=None", "Partitioned"]
        elif secure:
            attributes += ["Secure", "SameSite=Lax"]
        else:
            attributes += ["SameSite=Lax"]
        response.headers.append("set-cookie", "; ".join(attributes))
