"""`headway link`: prints an address that signs a browser in. It needs access to the database."""

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from headway.app import Headway
from headway.auth import learner_id
from headway.cli.console import (
    course_id_of,
    fail,
    group_id_of,
    lifetime_of,
    load_settings,
    out,
    refusals_end_the_program,
)
from headway.domain.principal import Principal
from headway.http.api.sign_in import sign_in_url
from headway.server.listening import configured_url
from headway.service import IssuedCode


def link(
    learner: Annotated[str, typer.Option(help="The learner: a UUID, or any other name from your platform.")],
    scope: Annotated[list[str] | None, typer.Option(help="A scope to grant; may be repeated.")] = None,
    course: Annotated[
        list[str] | None,
        typer.Option(help="A course to which statistics:read and events:read are limited; may be repeated."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="A group to which statistics:read and events:read are limited; may be repeated."),
    ] = None,
    expires: Annotated[str, typer.Option(help="How long the link is valid: 90s, 15m, 12h or 30d.")] = "10m",
) -> None:
    """Print an address that signs one browser in to the pages.

    Examples:
      headway link --learner ada@example.org
      headway link --learner teacher@example.org --scope statistics:read --expires 1h
    """
    lifetime = lifetime_of(expires)
    courses = frozenset(map(course_id_of, course)) if course else None
    groups = frozenset(map(group_id_of, group)) if group else None
    settings = load_settings()
    if not learner:
        fail("--learner must not be empty.", 2)
    principal = Principal(learner_id(learner, settings.jwt_issuer), frozenset(scope or ()), courses, groups)
    headway = Headway(settings)
    if settings.port == 0 and settings.public_url is None:
        fail("The port of the service is not known. Set HEADWAY_PORT or HEADWAY_PUBLIC_URL.", 2)
    with refusals_end_the_program():
        if headway.access.sessions is None:
            fail("There are no pages: HEADWAY_DASHBOARD_PATH is empty, or HEADWAY_SESSION_SECRET is missing.", 2)
        if not settings.uses_postgres and not settings.database_path.exists():
            fail(
                f"There is no database at {settings.database_path}. Start the service first.",
                2,
            )
        headway.access.sessions.sealed(principal)  # raises where the scopes and ids do not fit into a cookie
        issued = asyncio.run(_issued(headway, principal, lifetime))
    out.print(sign_in_url(configured_url(settings), settings.dashboard_path, issued.code))


async def _issued(headway: Headway, principal: Principal, lifetime: timedelta) -> IssuedCode:
    async with headway.opened():
        return await headway.services.sign_in.issue(principal, None, lifetime)
