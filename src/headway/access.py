"""Builds from the settings what verifies callers: tokens' keys, the pages' sessions, the identity provider."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from headway.auth import (
    Authenticator,
    IdentityProvider,
    JwksUrl,
    KeySource,
    LaunchTokens,
    OnVerified,
    ProviderSettings,
    PublicKey,
    Sessions,
    SharedSecret,
    load_or_make_secret,
)
from headway.domain.errors import ConfigurationError
from headway.settings import Settings


@dataclass(frozen=True)
class Access:
    """The parts that verify callers. Each is made when it is first used.

    `on_verified` is called with what a verified token says about its learner, once for each token.
    """

    settings: Settings
    on_verified: OnVerified | None = None

    @cached_property
    def secret(self) -> str:
        """The shared secret: the configured one, or one kept beside the database. Raises `ConfigurationError`."""
        if self.settings.jwt_secret is not None:
            return self.settings.jwt_secret.get_secret_value()
        path = Path("headway") if self.settings.uses_postgres else self.settings.database_path
        return load_or_make_secret(path.with_name(f"{path.name}.jwt-secret"))

    @cached_property
    def authenticator(self) -> Authenticator:
        """Verifies tokens as configured. Raises `ConfigurationError`."""
        settings = self.settings
        return Authenticator(
            self._keys(),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            leeway=settings.jwt_leeway,
            on_verified=self.on_verified,
        )

    @cached_property
    def sessions(self) -> Sessions | None:
        """The pages' sessions; `None` without pages or without a secret. Raises `ConfigurationError`."""
        return self._seals if self.settings.dashboard_path else None

    @cached_property
    def launch_tokens(self) -> LaunchTokens | None:
        """The tokens of launches; `None` without a secret. Raises `ConfigurationError`."""
        return None if self._seals is None else LaunchTokens(self._seals)

    @cached_property
    def _seals(self) -> Sessions | None:
        secret = self._session_secret()
        return None if secret is None else Sessions(secret, timedelta(hours=self.settings.session_hours))

    def provider(self) -> IdentityProvider | None:
        """Return the OpenID Connect provider that people sign in to the pages by; `None` where none is configured."""
        settings = self.settings
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            return None
        from headway.auth.openid import OpenIdProvider  # noqa: PLC0415 - its import takes half as long as all others together

        secret = settings.oidc_client_secret
        return OpenIdProvider(
            ProviderSettings(
                settings.oidc_issuer,
                settings.oidc_client_id,
                secret.get_secret_value() if secret is not None else None,
                settings.oidc_scopes,
                settings.oidc_learner_claim,
                settings.oidc_scopes_claim,
                settings.oidc_courses_claim,
                settings.oidc_groups_claim,
                settings.jwt_leeway,
            ),
            self.on_verified,
        )

    def _session_secret(self) -> str | None:
        """Return the secret for the sessions' key; `None` where tokens have a public key and no secret is configured.

        A public key is not secret. A new secret on each machine would be wrong, because a session would end on the next
        machine. The service does not refuse to start, because it can work without pages.

        Raises `ConfigurationError` where people sign in through an identity provider, which needs the secret.
        """
        settings = self.settings
        if settings.session_secret is not None:
            return settings.session_secret.get_secret_value()
        if not (settings.jwt_public_key or settings.jwt_jwks_url):
            return self.secret
        if settings.oidc_issuer:
            raise ConfigurationError(
                "Signing in to the pages needs HEADWAY_SESSION_SECRET. Make one with: openssl rand -base64 48"
            )
        return None

    def _keys(self) -> KeySource:
        settings = self.settings
        if settings.jwt_jwks_url:
            return JwksUrl(settings.jwt_jwks_url)
        if settings.jwt_public_key:
            return PublicKey(_pem(settings.jwt_public_key))
        return SharedSecret(self.secret)


def _pem(text_or_path: str) -> str:
    if "-----BEGIN" in text_or_path:
        return text_or_path
    try:
        return Path(text_or_path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "HEADWAY_JWT_PUBLIC_KEY is neither PEM text nor the path of a PEM file that can be read."
        ) from error
