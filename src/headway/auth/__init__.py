"""Authentication: bearer tokens, browser sessions, identity providers, and the keys and secrets that they need."""

from headway.auth.authenticator import Authenticator
from headway.auth.claims import OnVerified, issue_token, learner_id
from headway.auth.jwks import JwksUrl
from headway.auth.keys import KeySource, PinnedKey, PublicKey, SharedSecret
from headway.auth.launch_tokens import LaunchTokens
from headway.auth.provider import Failure, IdentityProvider, ProviderSettings, SignInError
from headway.auth.secret_file import load_or_make_secret
from headway.auth.sessions import Session, Sessions

__all__ = [
    "Authenticator",
    "Failure",
    "IdentityProvider",
    "JwksUrl",
    "KeySource",
    "LaunchTokens",
    "OnVerified",
    "PinnedKey",
    "ProviderSettings",
    "PublicKey",
    "Session",
    "Sessions",
    "SharedSecret",
    "SignInError",
    "issue_token",
    "learner_id",
    "load_or_make_secret",
]
