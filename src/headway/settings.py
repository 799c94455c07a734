"""The settings: environment variables `HEADWAY_*`, or variables of the same names in a file `.env`."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headway.domain.enrolments import EnrolmentMode
from headway.domain.errors import ConfigurationError
from headway.domain.networks import Networks, read_network
from headway.domain.offline import LONGEST_OFFLINE
from headway.domain.people import ProfilesMode

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
_ORIGIN = re.compile(rf"https?://{_HOST}(:[0-9]{{1,5}})?")
_ISSUER = re.compile(rf"(https://{_HOST}|http://(127\.0\.0\.1|localhost))(:[0-9]{{1,5}})?(/[!-~]*)?")
# Without a fragment, which no server gets.
_MESSAGE_URL = re.compile(rf"(https://{_HOST}|http://(127\.0\.0\.1|localhost))(:[0-9]{{1,5}})?([/?][!-\"$-~]*)?")

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9!_.*'()-]+)*/?")


class LogFormat(StrEnum):
    """The format of log lines."""

    JSON = "json"
    CONSOLE = "console"


_TAKEN: Final = frozenset(
    {"api", "client", "content", "docs", "healthz", "metrics", "openapi.json", "readyz", "static-offline-docs"}
)
_LESSON_URL_NAMES: Final = frozenset({"{course_id}", "{lesson_id}"})


class Settings(BaseSettings):
    """All settings of an operator. `headway settings` prints the present values."""

    model_config = SettingsConfigDict(env_prefix="HEADWAY_", env_file=".env", extra="ignore")

    database_url: str = Field(
        "sqlite:///headway.db",
        description="The database: sqlite:///relative/path.db, sqlite:////absolute/path.db or "
        "postgresql://user:password@host:5432/database.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0: a free port.")
    workers: int = Field(1, ge=1, le=256, description="Server processes; more than one only with PostgreSQL.")

    jwt_secret: SecretStr | None = Field(None, description="Shared secret of HS256 tokens, at least 32 bytes.")
    jwt_public_key: str | None = Field(
        None, description="Public key of RS256, ES256 or EdDSA tokens: PEM text, or the path of a PEM file."
    )
    jwt_jwks_url: str | None = Field(None, description="Address of the identity provider's key set (RFC 7517).")
    jwt_issuer: str | None = Field(None, description="The `iss` that every token must have.")
    jwt_audience: str | None = Field(None, description="The `aud` that every token must have.")
    jwt_leeway: float = Field(
        10.0, ge=0, le=120, description="Seconds by which the issuer's clock may differ, for `exp`, `nbf` and `iat`."
    )

    public_url: str | None = Field(
        None, description="Origin that browsers see, such as https://learn.example; none: that of the request."
    )
    dashboard_path: str = Field("/dashboard", description="Path of the pages; empty: no pages.")
    session_secret: SecretStr | None = Field(
        None,
        description="Secret that seals the pages' sessions, at least 32 bytes; needed where tokens have a public key.",
    )
    session_hours: float = Field(
        12.0, ge=0.1, le=24 * 30, description="Hours after which a browser has to sign in again."
    )
    frame_ancestors: Annotated[list[str], NoDecode] = Field(
        default=[], description="Origins whose pages may frame the pages, separated by commas; none by default."
    )
    lesson_url: str | None = Field(
        None,
        description="Address of a lesson on your platform: https or http, with {lesson_id} in it and, if needed, "
        "{course_id}.",
    )
    content_origin: str | None = Field(
        None,
        description="Origin at which browsers load the content of packages, such as https://content.example: another "
        "host name that leads to this service, too; none: the content is in sandboxed frames.",
    )
    launch_hours: float = Field(
        12.0, ge=0.1, le=24 * 7, description="Hours for which the content of a lesson that was opened may report."
    )
    message_url: str | None = Field(
        None,
        description="Address on your platform that takes the learners whom a teacher has selected, to write to them: "
        "https, or http on this machine.",
    )

    oidc_issuer: str | None = Field(
        None, description="Issuer of the OpenID Connect provider for signing in to the pages; none by default."
    )
    oidc_client_id: str | None = Field(None, description="Client id of this service at that provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Secret of this service at the provider; none: a public client, with PKCE only."
    )
    oidc_scopes: str = Field("openid", description="Scopes to request from the provider, including openid.")
    oidc_learner_claim: str = Field("sub", description="Claim of the ID token that names the learner.")
    oidc_scopes_claim: str = Field("scope", description="Claim of the ID token that holds the scopes to grant.")
    oidc_courses_claim: str = Field(
        "courses", description="Claim of the ID token that limits statistics:read and events:read to courses."
    )
    oidc_groups_claim: str = Field(
        "groups", description="Claim of the ID token that limits statistics:read and events:read to groups."
    )

    profiles: ProfilesMode = Field(
        ProfilesMode.ADMIN,
        description="Which learner profiles are kept: off (none), admin (those that the API and imports are given), or "
        "claims (also those of tokens' claims).",
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[], description="Origins whose pages may call the API, separated by commas; none by default."
    )
    enrolment: EnrolmentMode = Field(
        EnrolmentMode.OPEN,
        description="Who may write in a course: open (the first write enrols the learner) or closed (only who is "
        "enrolled).",
    )
    enforce_prerequisites: bool = Field(
        False, description="Whether a write to a lesson that requires other lessons first is refused."
    )
    offline_days: int = Field(
        30,
        ge=0,
        le=LONGEST_OFFLINE.days,
        description="Days that a device may be offline; an older write counts as made so many days ago.",
    )
    events_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days for which events are kept; 0: none are recorded, and no webhooks sent.",
    )
    events_progress: bool = Field(
        False, description="Whether progress.updated is recorded too: an event for every change of lesson progress."
    )
    webhooks_allow: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="Networks that webhooks may reach besides public addresses, and without TLS, separated by commas, "
        "such as 10.0.0.0/8; none by default.",
    )
    packages_dir: str | None = Field(
        None, description="Folder in which SCORM packages are kept; none: in HEADWAY_PACKAGES_URL, or not at all."
    )
    packages_url: str | None = Field(
        None, description="S3 bucket in which SCORM packages are kept instead: s3://bucket or s3://bucket/prefix."
    )
    package_mib: int = Field(1024, ge=1, le=4096, description="MiB of the largest SCORM package that may be sent.")
    queue_limit: int = Field(4096, ge=1, description="Writes that may wait; one more is answered 503.")
    batch_limit: int = Field(256, ge=1, le=4096, description="The most writes in one transaction.")
    body_mib: int = Field(
        64,
        ge=16,
        description="MiB of memory that the bodies of running requests may take together; one more is answered 503.",
    )
    answer_mib: int = Field(
        64,
        ge=16,
        description="MiB of memory that running long answers may take together; one more is answered 503.",
    )
    lock_seconds: float = Field(
        5.0, ge=0, le=60, description="Seconds that a write waits for another process's lock before 503."
    )
    postgres_connections: int = Field(
        8, ge=2, le=1000, description="Connections of one server process to PostgreSQL, without the one that listens."
    )
    postgres_timeout_seconds: float = Field(
        30.0, gt=0, description="Seconds that one statement may take on PostgreSQL before 503."
    )
    transaction_pooler: bool = Field(
        False, description="Whether PgBouncer in transaction mode is in front of PostgreSQL."
    )
    stream_limit: int = Field(
        1000,
        ge=0,
        description="Open streams, and readers that wait for events, of one server process; one more is answered 503.",
    )
    connection_limit: int = Field(
        10_000, ge=1, le=1_000_000, description="Connections of one server process; one more is answered 503."
    )
    head_seconds: float = Field(
        10.0, ge=0.1, le=600, description="Seconds that a request line and headers may take to arrive."
    )
    body_seconds: float = Field(
        30.0, ge=0.1, le=600, description="Seconds that a body may pause; all of it may take ten times as long."
    )
    patience_seconds: float = Field(
        10.0, ge=0.1, le=600, description="Seconds for which a client may take nothing of its answer."
    )
    shutdown_seconds: int = Field(30, ge=1, description="Seconds that a stopping service waits for running requests.")
    log_format: LogFormat = Field(LogFormat.CONSOLE, description="How log lines are written: json or console.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The lowest level that is logged."
    )
    log_requests: Literal["all", "refused", "none"] = Field(
        "refused", description="Which requests get a log line: all, refused (4xx and 5xx), or none (5xx still do)."
    )

    @field_validator(
        "public_url",
        "content_origin",
        "session_secret",
        "oidc_issuer",
        "oidc_client_id",
        "oidc_client_secret",
        "packages_dir",
        "packages_url",
        mode="before",
    )
    @classmethod
    def _nothing_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("cors_origins", "frame_ancestors", "webhooks_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("webhooks_allow")
    @classmethod
    def _networks_alone(cls, value: list[str]) -> list[str]:
        return [str(read_network(text)) for text in value]

    @field_validator("frame_ancestors")
    @classmethod
    def _origins_alone(cls, value: list[str]) -> list[str]:
        return [_origin(text) for text in value]

    @field_validator("public_url", "content_origin")
    @classmethod
    def _an_origin(cls, value: str | None) -> str | None:
        return None if value is None else _origin(value)

    @field_validator("oidc_issuer")
    @classmethod
    def _an_issuer(cls, value: str | None) -> str | None:
        if value is not None and not _ISSUER.fullmatch(value):
            raise ValueError("an issuer is an https address, such as https://id.example (http: on this machine only)")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _with_openid(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("the scopes must include openid; write spaces between them")
        return value

    @field_validator("dashboard_path")
    @classmethod
    def _without_a_slash_behind(cls, value: str) -> str:
        path = value.rstrip("/")
        if value and not path:
            raise ValueError("the pages need a path, such as /dashboard; an empty value turns them off")
        if path and not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", path):
            raise ValueError(
                "a path begins with / and has only letters, digits and . _ ~ -, and no part that is . or .."
            )
        if path[1:].partition("/")[0] in _TAKEN:
            raise ValueError(f"the service uses these paths itself: {', '.join(f'/{name}' for name in sorted(_TAKEN))}")
        return path

    @field_validator("lesson_url")
    @classmethod
    def _names_the_lesson(cls, value: str | None) -> str | None:
        if not value:
            return None
        names = re.findall(r"[{}][^{}]*[{}]?", value)
        is_address = re.fullmatch(r"https?://[^/?#{}\s]+[/?#]\S*", value)
        if not is_address or not {"{lesson_id}"} <= set(names) <= _LESSON_URL_NAMES:
            raise ValueError(
                "an address begins with https:// or http://, and has {lesson_id} and, if needed, {course_id} in it"
            )
        return value

    @field_validator("message_url")
    @classmethod
    def _takes_a_form(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not _MESSAGE_URL.fullmatch(value):
            raise ValueError(
                "an address that takes a form begins with https:// (http:// on this machine only), and has no fragment"
            )
        return value

    @field_validator("packages_url")
    @classmethod
    def _a_bucket(cls, value: str | None) -> str | None:
        if value is not None and not _BUCKET.fullmatch(value):
            raise ValueError("the address of a bucket is s3://bucket or s3://bucket/prefix")
        return value

    @model_validator(mode="after")
    def _one_store_of_packages(self) -> Self:
        if self.packages_dir and self.packages_url:
            raise ValueError("set only one of HEADWAY_PACKAGES_DIR and HEADWAY_PACKAGES_URL")
        return self

    @model_validator(mode="after")
    def _at_most_one_key(self) -> Self:
        given = [name for name in ("jwt_secret", "jwt_public_key", "jwt_jwks_url") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"set only one of {', '.join(f'HEADWAY_{name.upper()}' for name in given)}")
        return self

    @model_validator(mode="after")
    def _a_whole_provider(self) -> Self:
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise ValueError("HEADWAY_OIDC_ISSUER and HEADWAY_OIDC_CLIENT_ID belong together: set both or none")
        return self

    @model_validator(mode="after")
    def _another_host_for_content(self) -> Self:
        if self.content_origin is None:
            return self
        if self.public_url is None:
            raise ValueError("HEADWAY_CONTENT_ORIGIN needs HEADWAY_PUBLIC_URL, the origin of the pages")
        # Browsers send cookies to every port of a host name.
        if urlsplit(self.content_origin).hostname == urlsplit(self.public_url).hostname:
            raise ValueError("HEADWAY_CONTENT_ORIGIN needs another host name than HEADWAY_PUBLIC_URL")
        return self

    @property
    def has_key(self) -> bool:
        """Whether a key is configured that verifies tokens."""
        return bool(self.jwt_secret or self.jwt_public_key or self.jwt_jwks_url)

    @property
    def webhook_networks(self) -> Networks:
        """The networks of `webhooks_allow`."""
        return tuple(map(read_network, self.webhooks_allow))

    @property
    def uses_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.database_url.partition("://")[0] in {"postgresql", "postgres"}

    @property
    def database_path(self) -> Path:
        """The file of a `sqlite:` address. Raises `ConfigurationError` for any other address."""
        scheme, _, rest = self.database_url.partition("://")
        path = unquote(rest.removeprefix("/"))
        if scheme != "sqlite" or not rest.startswith("/") or not path or "\0" in path:
            raise ConfigurationError(
                "HEADWAY_DATABASE_URL must be sqlite:///relative/path.db, sqlite:////absolute/path.db or "
                "postgresql://user:password@host:5432/database; there is no store for "
                f"{'such a path' if scheme == 'sqlite' else scheme or 'an empty address'}."
            )
        return Path(path)


def _origin(text: str) -> str:
    """Return an origin in its canonical form (RFC 6454 section 6.2). Raises `ValueError` where it is not one."""
    origin = text.strip().rstrip("/").lower()
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("an origin is a scheme and a host, such as https://learn.example, and nothing more")
    return origin
