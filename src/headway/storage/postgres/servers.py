"""The servers that have learners' rows: the one server, or the workers of a Citus cluster."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from headway.domain.course_progress import CourseProgress
from headway.domain.holdings import CourseProgressKey
from headway.domain.identifiers import LearnerId
from headway.storage.committer import Committer
from headway.storage.postgres import statements as sql
from headway.storage.postgres.cluster import SLOTS, Cluster, Node
from headway.storage.postgres.database import Database
from headway.storage.postgres.gatherer import Gatherer
from headway.storage.postgres.rows import to_course_progress
from headway.storage.postgres.writer import Writer

LANES: Final = 2
"""Statements of a kind at the same time: one is prepared while the other one runs."""

LANES_OF_A_WORKER: Final = 1
"""The same on a worker of a cluster. Citus plans each statement anew, so few large statements cost less."""


_LookUps = Gatherer[CourseProgressKey, CourseProgress]


class LearnersServer:
    """One server: its connections, and the queue of writes for it."""

    def __init__(self, database: Database, writer: Writer, committer: Committer) -> None:
        self.database = database
        self.writer = writer
        self.committer = committer

    async def close(self) -> None:
        """Commit the queued writes, then close all connections."""
        await self.committer.close()
        await self.database.close()


class Servers:
    """Finds the server of a learner, and looks up course progress there.

    `main` is the server that the address names: on a cluster, the coordinator. `make` makes a worker of a cluster.
    """

    def __init__(self, main: LearnersServer, make: Callable[[Node], LearnersServer]) -> None:
        self.main = main
        self._make = make
        self._cluster: Cluster | None = None
        self._workers: dict[Node, LearnersServer] = {}
        self._look_ups = [_look_ups(main.database, lanes=LANES)]

    def of(self, learner_id: LearnerId) -> LearnersServer:
        """Return the server that has a learner's rows."""
        if self._cluster is None:
            return self.main
        return self._workers[self._cluster.node_of(learner_id)]

    async def course_progress(self, key: CourseProgressKey) -> CourseProgress | None:
        """Return a learner's course progress; `None` where there is none."""
        shard = 0 if self._cluster is None else self._cluster.shard_of(key[0])
        return await self._look_ups[shard].find(key)

    def use(self, cluster: Cluster | None) -> None:
        """Send work to the workers of a cluster from now on; `None`: to the one server.

        Workers that have no learners any more finish what is queued.
        """
        if cluster == self._cluster:
            return
        if cluster is None:
            self._look_ups = [_look_ups(self.main.database, lanes=LANES)]
        else:
            self._look_ups = [self._look_ups_of(node, cluster) for node in cluster.nodes]
        self._cluster = cluster

    def _look_ups_of(self, node: Node, cluster: Cluster) -> _LookUps:
        """Return the look-ups in one shard, because Citus plans a statement about one in a fraction of the time."""
        if node not in self._workers:
            self._workers[node] = self._make(node)
        self._workers[node].writer.use_slots(cluster.slots[node] or range(SLOTS))
        return _look_ups(self._workers[node].database, lanes=LANES_OF_A_WORKER)

    @property
    def waiting(self) -> int:
        """The number of writes in all queues."""
        return sum(server.committer.waiting for server in (self.main, *self._workers.values()))

    async def probe(self) -> None:
        """Read one row on every server that is in use. Raises `StoreUnavailableError` where one does not answer."""
        nodes = set(self._cluster.nodes) if self._cluster else ()
        in_use = (self.main, *(self._workers[node] for node in nodes))
        await asyncio.gather(*(server.database.fetch(sql.PROBE) for server in in_use))

    async def close(self) -> None:
        """Commit the queued writes, then close all connections. Workers are first: they need courses from `main`."""
        try:
            ended = await asyncio.gather(*(one.close() for one in self._workers.values()), return_exceptions=True)
        finally:
            await self.main.close()
        for error in filter(None, ended):
            raise error


def _look_ups(database: Database, *, lanes: int) -> _LookUps:
    statement = sql.COURSE_PROGRESS_AMONG if database.is_worker else sql.COURSE_PROGRESS_OF

    async def look_up(keys: Sequence[CourseProgressKey]) -> Mapping[CourseProgressKey, CourseProgress]:
        found = map(to_course_progress, await database.fetch(statement, *zip(*keys, strict=True)))
        return {(progress.learner_id, progress.course_id): progress for progress in found}

    return Gatherer(look_up, lanes=lanes)
