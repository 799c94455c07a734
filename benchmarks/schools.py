"""Databases with a course and very many learners in it, on either store, filled by SQL."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

import filling
import postgres
import servers
from population import Population, make_population, numbered_id, write_people
from postgres import Database, Postgres
from servers import Cores, Server

_FOLDER: Final = Path(__file__).resolve().parent
_GROUPED: Final = {name: (_FOLDER / f"{name}.sql").read_text() for name in ("grouped_lessons", "grouped_scores")}
_CACHE_KIBIBYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class School(ABC):
    """A database of Headway's: so many learners in one course of so many lessons."""

    url: str
    learners: int
    lessons: int

    @property
    def rows(self) -> int:
        """How many rows of progress in a lesson there are."""
        return self.learners * self.lessons

    def learners_of_a_group(self, members: int) -> list[str]:
        """The ids of so many of the learners, from the first to the last."""
        return [self._learner(number) for number in range(1, self.learners + 1, self.learners // members)[:members]]

    @abstractmethod
    def _learner(self, number: int) -> str:
        """The id that `fill` gives a learner."""

    @abstractmethod
    def fill(self) -> None:
        """Fill the tables. The course has to be there."""

    @abstractmethod
    def _group(self, query: str) -> None:
        """Ask the database itself."""

    def grouped_seconds(self) -> float:
        """How long it takes to make the same answer from the rows."""
        began = time.perf_counter()
        for query in _GROUPED.values():
            self._group(query)
        return time.perf_counter() - began

    def verified_seconds(self) -> float:
        """How long `headway verify` takes. Raises `RuntimeError` where a figure is not what the rows say."""
        return self._seconds_of("verify")

    def imported_seconds(self, people: Path) -> float:
        """How long `headway people import` takes for a file. Raises `RuntimeError` where it fails."""
        return self._seconds_of("people", "import", str(people))

    def _seconds_of(self, *arguments: str) -> float:
        began = time.perf_counter()
        finished = subprocess.run(
            [str(Path(sys.executable).parent / "headway"), *arguments],
            env={**os.environ, **servers.headway_environment(self.url)},
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise RuntimeError(f"headway {arguments[0]}: {finished.stdout[-2000:]}{finished.stderr[-2000:]}")
        return time.perf_counter() - began


class SqliteSchool(School):
    """In a file."""

    def _learner(self, number: int) -> str:
        return f"{number:08x}-0000-4000-8000-{number:012x}"

    def fill(self) -> None:
        """All in one transaction, which need not last."""
        script = (_FOLDER / "school_sqlite.sql").read_text()
        for name, query in _GROUPED.items():
            script = script.replace(f":{name}", query)
        connection = self._connect()
        connection.execute(script, {"learners": self.learners, "lessons": self.lessons}).fetchall()
        connection.close()

    def _group(self, query: str) -> None:
        connection = self._connect()
        connection.execute(query).fetchall()
        connection.close()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(self.url.removeprefix("sqlite:///"))
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        return connection


class PostgresSchool(School):
    """On a server."""

    def _learner(self, number: int) -> str:
        return numbered_id("learner", number)

    def fill(self) -> None:
        """By the server itself."""
        variables = {"learners": self.learners, "lessons": self.lessons, **_GROUPED}
        command = [postgres.program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        command += [f"--set={name}={value}" for name, value in variables.items()]
        command += ["--file", str(_FOLDER / "school_postgres.sql"), self.url]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise RuntimeError(f"psql: {finished.stderr.strip()}")

    def _group(self, query: str) -> None:
        Database(self.url).ask(query)


@dataclass(frozen=True)
class Schools:
    """Where the schools of one store are made."""

    cores: Cores
    folder: Path
    server: Postgres | None

    @property
    def store(self) -> str:
        """The store's name."""
        return "sqlite" if self.server is None else "postgres"

    def filled(self, name: str, learners: int, lessons: int) -> School:
        """A new school, with its learners."""
        school = self._made(name, learners, lessons)
        with self.serving(school) as server:
            filling.put_courses(server.port, make_population(range(1, 2), lessons))
        school.fill()
        return school

    def populated(self, name: str, population: Population, groups: int) -> tuple[School, float]:
        """A new school with people in groups and courses, and how long it took to import them."""
        school = self._made(name, len(population.learners), len(population.lessons))
        with self.serving(school) as server:
            filling.put_courses(server.port, population)
        file = self.folder / f"{name}.csv"
        write_people(file, population, groups)
        return school, school.imported_seconds(file)

    def empty(self, name: str, lessons: int) -> School:
        """A new school that nobody has heard of."""
        return self._made(name, 0, lessons)

    @contextmanager
    def serving(self, school: School, *, counted: bool = True) -> Iterator[Server]:
        """Headway over a school, for as long as it is needed; `counted`: as it is, keeping its figures."""
        recipe = servers.headway(school.url) if counted else servers.uncounted_headway(school.url)
        with servers.running(recipe, self.cores, self.folder) as server:
            yield server

    def _made(self, name: str, learners: int, lessons: int) -> School:
        if self.server is None:
            return SqliteSchool(f"sqlite:///{self.folder / name}.db", learners, lessons)
        return PostgresSchool(self.server.create(name).url, learners, lessons)
