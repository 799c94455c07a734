"""What is compared: Headway on a database, and the bare database. Both answer a load with a measurement."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from constant_rate import Beat, run_at_rate
from filling import ask_lists
from load import Load, Measurement, run_wrk
from pgbench import run_pgbench
from population import Population, heartbeat_values
from postgres import Database, Rows
from processor import Watch
from servers import Server
from tables import Reach


@dataclass
class Account:
    """What Headway was asked to write to a database since it was filled, and what it acknowledged."""

    database: Database
    rows: Rows
    sent: int = 0
    acknowledged: int = 0
    furthest: dict[tuple[str, str], float] = field(default_factory=dict)

    def note(self, acknowledged: int, unanswered: int) -> None:
        """Note a run: so many heartbeats were acknowledged, and so many more at most may have been sent."""
        self.sent += acknowledged + unanswered
        self.acknowledged += acknowledged

    def note_beats(self, population: Population, beats: Iterable[Beat]) -> None:
        """Note the furthest percentage of each row that was acknowledged."""
        for learner, lesson, number in beats:
            row = (population.learners[learner], population.lessons[lesson])
            percentage = heartbeat_values(number, population.rows)["progress_percentage"]
            self.furthest[row] = max(percentage, self.furthest.get(row, 0))

    def check(self, name: str) -> Iterator[Reach]:
        """Whether the database holds what was acknowledged. Nothing must be writing to it any more."""
        if not self.acknowledged:
            return
        rows = int(self.database.ask("SELECT count(*) FROM lesson_progress"))
        yield Reach(f"{name}: rows", f"{self.rows.count:,}", f"{rows:,}", rows == self.rows.count)
        # Every heartbeat changes its row and so adds one to the row's version, which was filled with one.
        writes = int(self.database.ask("SELECT sum(version) FROM lesson_progress")) - self.rows.count
        yield Reach(
            f"{name}: writes stored, all that were acknowledged",
            f"{self.acknowledged:,} to {self.sent:,}",
            f"{writes:,}",
            self.acknowledged <= writes <= self.sent,
        )
        if self.furthest:
            behind = sum(1 for _ in self._rows_behind())
            yield Reach(
                f"{name}: rows behind their last write, of {len(self.furthest):,} followed",
                "0",
                f"{behind:,}",
                behind == 0,
            )
        recounted, wrong = self.database.ask(_RECOUNT.format(filled_with=self.rows.lessons)).split("|")
        yield Reach(
            f"{name}: course progress that a recount corrects, of {int(recounted):,} written", "0", wrong, wrong == "0"
        )

    def _rows_behind(self) -> Iterator[tuple[str, str]]:
        """Judged by the percentage, which only rises; the position is that of the write that came in last."""
        for line in self.database.ask(_PERCENTAGES).splitlines():
            learner, lesson, percentage = line.split("|")
            if float(percentage) < self.furthest.get((learner, lesson), 0):
                yield learner, lesson


@dataclass
class Headway:
    """Headway as it runs on a database, asked by a population whose files are in a folder."""

    server: Server
    account: Account
    population: Population
    folder: Path
    watch: Watch

    @property
    def next_beat(self) -> int:
        """Further than any heartbeat that the population has sent, and than the rows were filled with."""
        return self.population.rows + self.account.sent

    def measure(self, load: Load) -> Measurement:
        """As fast as it answers."""
        self._prepare(load)
        with self.watch.watching() as busy:
            measurement = run_wrk(self.server.port, self.folder, load, self.next_beat)
        if load.endpoint == "put":
            self.account.note(measurement.requests, load.connections)
        elif load.endpoint == "mixed":  # every other request is a heartbeat, but not every other answer is to one
            self.account.note(max(0, measurement.requests // 2 - load.connections), 2 * load.connections)
        return measurement._replace(busy=busy)

    def measure_at(self, rate: float, load: Load) -> Measurement:
        """At a rate that does not depend on how fast it answers."""
        self._prepare(load)
        with self.watch.watching() as busy:
            paced = run_at_rate(self.server.port, self.population, load, rate, self.next_beat)
        if load.endpoint == "put":
            self.account.note(len(paced.acknowledged), paced.requests - len(paced.acknowledged))
            self.account.note_beats(self.population, paced.acknowledged)
        return paced.measurement._replace(busy=busy)

    def _prepare(self, load: Load) -> None:
        """Let all lists be asked for, so that none has changed since, whatever was measured before."""
        if load.endpoint == "list" and len(self.population.learners) <= _MOST_LISTS:
            ask_lists(self.server.port, self.population)


@dataclass
class BareDatabase:
    """PostgreSQL without a service: reads from one database, writes to another one that began as its copy."""

    read: Database
    written: Database
    population: Population
    watch: Watch
    beats: int

    def measure(self, load: Load) -> Measurement:
        """As fast as it answers."""
        database = self.written if load.endpoint in {"put", "mixed"} else self.read
        with self.watch.watching() as busy:
            measurement = run_pgbench(database, self.population, load, self.beats)
        self.beats += measurement.requests
        return measurement._replace(busy=busy)


# Headway keeps fewer in memory.
_MOST_LISTS: Final = 5000
_PERCENTAGES: Final = "SELECT user_id, lesson_id, progress_percentage FROM lesson_progress"
# Of the course progress that were written to since they were filled.
_RECOUNT: Final = """
SELECT count(*), count(*) FILTER (WHERE kept IS DISTINCT FROM counted)
FROM (
    SELECT
        (p.completed_lessons, p.in_progress_lessons, p.micro_minutes) AS kept,
        (
            count(*) FILTER (WHERE r.status = 'completed')::integer,
            count(*) FILTER (WHERE r.status = 'in_progress')::integer,
            sum(round(r.time_spent_minutes * 1000000))::bigint
        ) AS counted
    FROM course_progress AS p
    JOIN lesson_progress AS r ON r.user_id = p.user_id AND r.course_id = p.course_id
    WHERE p.revision > {filled_with}
    GROUP BY p.user_id, p.course_id
) AS compared
"""
