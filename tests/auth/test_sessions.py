"""Sessions: a sealed value opens unchanged, only with its secret, and only until it expires."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import jwt
import pytest

from headway.auth import Sessions, issue_token
from headway.auth.sessions import COOKIE, check_forgery
from headway.domain.errors import ConfigurationError, ForgedRequestError, InvalidValueError
from headway.domain.identifiers import CourseId, GroupId, LearnerId
from headway.domain.principal import Principal

SECRET = "a secret of the tests, long enough for HS256"
NOW = 1_800_000_000.0
HOUR = timedelta(hours=1)
ADA = Principal(LearnerId(str(uuid4())), frozenset({"statistics:read"}))


def sessions(secret: str = SECRET, now: float = NOW, lifetime: timedelta = HOUR) -> Sessions:
    return Sessions(secret, lifetime, clock=lambda: now)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize("groups", [None, frozenset[GroupId](), frozenset([GroupId(str(uuid4()))])])
@pytest.mark.parametrize("courses", [None, frozenset[CourseId](), frozenset([CourseId(str(uuid4()))])])
def test_a_sealed_session_is_opened_unchanged(
    courses: frozenset[CourseId] | None, groups: frozenset[GroupId] | None
) -> None:
    principal = Principal(ADA.learner_id, frozenset({"one", "courses:write of another"}), courses, groups)
    opened = sessions().opened(sessions().sealed(principal))
    assert opened is not None
    assert opened.principal == principal  # a scope with a space in it does not become two


@pytest.mark.parametrize(
    ("ends_at", "lasts"), [(None, 3600), (moment(NOW + 7200), 3600), (moment(NOW + 60), 60), (moment(NOW + 60.9), 60)]
)
def test_a_session_ends_with_its_token(ends_at: datetime | None, lasts: int) -> None:
    cookie = sessions().sealed(ADA, ends_at)
    assert sessions(now=NOW + lasts - 1).opened(cookie) is not None
    assert sessions(now=NOW + lasts).opened(cookie) is None


def test_a_session_of_an_expired_token_is_expired() -> None:
    assert sessions().opened(sessions().sealed(ADA, moment(NOW - 1))) is None


def test_a_session_sealed_with_another_secret_is_refused() -> None:
    assert sessions().opened(sessions("another secret, just as long as the first").sealed(ADA)) is None
    now = moment(NOW)
    assert sessions().opened(issue_token(SECRET, subject="ada", lifetime=HOUR, now=now)) is None
    assert (
        sessions().opened(issue_token(SECRET, subject="a", lifetime=HOUR, now=now, audience="headway:session")) is None
    )
    with pytest.raises(jwt.InvalidSignatureError):  # and a session is no token
        jwt.decode(sessions().sealed(ADA), SECRET, ["HS256"], audience="headway:session", options={"verify_exp": False})


def test_a_secret_that_is_too_short_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="HEADWAY_SESSION_SECRET") as refused:
        Sessions("short but secret", HOUR)
    assert "short but secret" not in str(refused.value)


def test_a_session_with_too_many_courses_for_a_cookie_is_refused() -> None:
    def of(count: int) -> Principal:
        return Principal(ADA.learner_id, ADA.scopes, frozenset(CourseId(str(uuid4())) for _ in range(count)))

    cookie = sessions().sealed(of(50))
    assert len(f"{COOKIE}={cookie}; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=None; Partitioned") < 4096
    with pytest.raises(InvalidValueError, match="50 courses"):
        sessions().sealed(of(100))


def test_each_session_has_a_forgery_token_of_its_own() -> None:
    one, other = (sessions().opened(sessions().sealed(ADA)) for _ in range(2))
    assert one is not None
    assert other is not None
    check_forgery(one, one.forgery_token)
    for wrong in ("", other.forgery_token, one.forgery_token.upper(), "é", "0" * 128, one.forgery_secret.hex()):
        with pytest.raises(ForgedRequestError):
            check_forgery(one, wrong)


def test_each_page_gets_another_text_for_the_forgery_token() -> None:
    session = sessions().opened(sessions().sealed(ADA))
    assert session is not None
    written = {session.forgery_token for _ in range(100)}
    assert len(written) == 100
    assert not any(session.forgery_secret.hex() in one for one in written)
    for one in written:
        check_forgery(session, one)


def test_a_sealed_value_opens_only_for_its_own_purpose() -> None:
    sealed = sessions().seal("one", {"next": "/dashboard", "code": "Déjà vu"}, HOUR)
    assert sessions().unseal("one", sealed) == {"next": "/dashboard", "code": "Déjà vu"}
    assert sessions().unseal("two", sealed) == {}
    assert sessions("another secret of thirty-two bytes").unseal("one", sealed) == {}
    assert sessions().opened(sealed) is None
    assert sessions().unseal("one", sessions().sealed(ADA)) == {}


@pytest.mark.parametrize(("seconds", "values"), [(3599, {"a": 1}), (3600, {})])
def test_a_sealed_value_expires_after_its_lifetime(seconds: float, values: dict[str, int]) -> None:
    assert sessions(now=NOW + seconds).unseal("one", sessions().seal("one", {"a": 1}, HOUR)) == values


@pytest.mark.parametrize("text", ["", "no token", "a.b.c"])
def test_a_value_that_was_not_sealed_opens_as_empty(text: str) -> None:
    assert sessions().unseal("one", text) == {}
