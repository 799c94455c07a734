"""The program `headway`, and the commands that have no module of their own."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from pydantic import SecretStr
from rich.table import Column, Table
from rich.text import Text

from headway.app import VERSION, Headway
from headway.auth import issue_token
from headway.cli import (
    copying,
    courses,
    demo,
    enrolments,
    events,
    groups,
    importing,
    learners,
    links,
    people,
    statistics,
    verifying,
    webhooks,
)
from headway.cli.console import (
    announce,
    course_id_of,
    fail,
    group_id_of,
    lifetime_of,
    load_settings,
    out,
    refusals_end_the_program,
)
from headway.domain.errors import ConfigurationError
from headway.server.listening import base_url, bound_socket, refuse_unsafe
from headway.server.serving import run
from headway.settings import LogFormat, Settings

app: Final = typer.Typer(
    name="headway",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Headway stores learners' progress in courses and makes statistics of it.",
)
app.add_typer(courses.app, name="courses")
app.add_typer(groups.app, name="groups")
app.add_typer(importing.app, name="progress")
app.add_typer(learners.app, name="learners")
app.add_typer(enrolments.app, name="enrolments")
app.add_typer(enrolments.runs_app, name="runs")
app.add_typer(enrolments.completions_app, name="completions")
app.add_typer(people.app, name="people")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(events.app, name="events")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(VERSION)
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Headway stores learners' progress in courses, and shows it to learners and teachers."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free port.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes; only one with SQLite.")] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help="The format of log lines.")] = None,
) -> None:
    """Run the service. The settings have the defaults of the options: headway settings.

    Examples:
      headway serve
      HEADWAY_JWT_SECRET=... headway serve --host 0.0.0.0 --port 8080 --log-format json
    """
    settings = load_settings(host=host, port=port, workers=workers, log_format=log_format)
    headway = Headway(settings)
    with refusals_end_the_program():
        refuse_unsafe(settings)
        headway.access.authenticator  # noqa: B018 - reports a wrong key now, not at the first request
        headway.dashboard  # noqa: B018 - reports errors in the pages' settings now, too
        _migrate(settings)
        listener = bound_socket(settings.host, settings.port)
        announce(settings, base_url(listener))
        run(headway, listener)


@app.command()
def migrate(
    citus: Annotated[
        bool, typer.Option("--citus", help="Also distribute the tables over the Citus cluster of this coordinator.")
    ] = False,
    shards: Annotated[
        int | None,
        typer.Option(
            help="With --citus: the number of shards of a table. Default: two for each worker.", min=1, max=1024
        ),
    ] = None,
) -> None:
    """Apply the missing migrations to the database. `headway serve` does the same when it starts.

    Examples:
      headway migrate
      headway migrate --citus
      headway migrate --citus --shards 16
    """
    if shards is not None and not citus:
        fail("--shards needs --citus.", 2)
    settings = load_settings()
    with refusals_end_the_program():
        applied = _migrate(settings)
        out.print("\n".join(f"applied {name}" for name in applied) or "The schema is up to date.")
        if citus:
            distributed = _distribute(settings, shards)
            out.print("\n".join(f"distributed {name}" for name in distributed) or "All tables are distributed.")


@app.command()
def token(
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
    expires: Annotated[str, typer.Option(help="How long the token is valid: 90s, 15m, 12h or 30d.")] = "12h",
) -> None:
    """Print a token, signed with the configured secret or with the one beside the database.

    Examples:
      headway token --learner a169451c-8525-4352-b8ca-070dd449a1a5
      headway token --learner author@example.org --scope courses:write --expires 1h
    """
    settings = load_settings()
    if settings.has_key and settings.jwt_secret is None:
        fail("Only the owner of the private key can sign tokens. headway token needs HEADWAY_JWT_SECRET.", 2)
    with refusals_end_the_program():
        signed = issue_token(
            Headway(settings).access.secret,
            subject=learner,
            scopes=scope or (),
            courses=list(map(course_id_of, course)) if course else None,
            groups=list(map(group_id_of, group)) if group else None,
            lifetime=lifetime_of(expires),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            now=datetime.now(UTC),
        )
    out.print(signed)


@app.command("settings")
def show_settings() -> None:
    """List all settings: the variable, the present value and the meaning.

    Example:
      headway settings
    """
    settings = load_settings()
    names = [f"HEADWAY_{name.upper()}" for name in Settings.model_fields]
    variable = Column("variable", no_wrap=True, min_width=max(map(len, names)))
    table = Table(variable, "value", "meaning", box=None, pad_edge=False)
    for name, field in Settings.model_fields.items():
        value = _shown_address(settings) if name == "database_url" else _shown(getattr(settings, name))
        table.add_row(f"HEADWAY_{name.upper()}", Text(value), field.description)
    out.print(table, soft_wrap=False)


app.command("copy", context_settings={"allow_extra_args": True})(copying.copy)
app.command("demo")(demo.demo)
app.command("link")(links.link)
app.command("stats")(statistics.stats)
app.command("verify")(verifying.verify)


def main() -> None:
    """Run the program."""
    app()


def _migrate(settings: Settings) -> Sequence[str]:
    async def migrate_once() -> Sequence[str]:
        store = Headway(settings).store
        applied = await store.open()
        await store.close()
        return applied

    return asyncio.run(migrate_once())


def _distribute(settings: Settings, shards: int | None) -> Sequence[str]:
    from headway.storage.postgres import PostgresStore  # noqa: PLC0415 - takes a tenth of a second, and few ask for it

    store = Headway(settings).store
    if not isinstance(store, PostgresStore):
        raise ConfigurationError("--citus needs HEADWAY_DATABASE_URL=postgresql://... of a Citus coordinator.")
    return asyncio.run(store.distribute(shards))


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case SecretStr():
            return "(set)"
        case list():
            return ", ".join(value) or "-"
    return str(value)


def _shown_address(settings: Settings) -> str:
    if not settings.uses_postgres:
        return settings.database_url
    from headway.storage.postgres.connections import without_password  # noqa: PLC0415 - see `_distribute`

    return without_password(settings.database_url) or "(set, but not an address of a PostgreSQL database)"
