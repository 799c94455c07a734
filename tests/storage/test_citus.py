"""What holds on a Citus cluster alone: `make test-citus` runs it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace as with_fields
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from domain.values import lesson
from headway.domain.errors import ConfigurationError
from headway.domain.identifiers import LearnerId
from headway.domain.ports import Store
from headway.jobs.runner import Runner
from headway.jobs.upkeep import Recalculator
from headway.service.verification import verify
from headway.storage.postgres.cluster import Cluster, find_cluster
from headway.storage.postgres.schema import DISTRIBUTED
from storage.installations import archive_of
from storage.stores import merge_write, new_course, new_learner, opened, postgres_store, written
from storage.test_store_edits import check_exact, derived
from support.postgres import Session, session

pytestmark = [pytest.mark.postgres, pytest.mark.citus]

_PLACEMENT = """
SELECT n.nodename || ':' || n.nodeport
FROM pg_dist_placement AS p
JOIN pg_dist_node AS n ON n.groupid = p.groupid
WHERE p.shardid = get_shard_id_for_distribution_column('course_progress', $1::uuid)
"""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def cluster_of(url: str) -> Cluster:
    async with connected(url) as connection:
        cluster = await find_cluster(connection)
    assert cluster is not None
    return cluster


@pytest.fixture
def coordinator(postgres_url: str) -> Iterator[Session]:
    with session(postgres_url) as connection:
        yield connection


async def test_learners_are_found_where_citus_puts_them(postgres_url: str) -> None:
    cluster = await cluster_of(postgres_url)
    learners = [new_learner() for _ in range(100)]
    async with connected(postgres_url) as connection:
        placed = [await connection.fetchval(_PLACEMENT, UUID(learner)) for learner in learners]
    assert placed == [str(cluster.node_of(learner)) for learner in learners]
    assert len(set(placed)) > 1


async def test_every_worker_has_slots_of_its_own(postgres_url: str) -> None:
    cluster = await cluster_of(postgres_url)
    slots = [slot for on_node in cluster.slots.values() for slot in on_node]
    assert set(cluster.slots) == set(cluster.nodes)
    assert all(cluster.slots.values())
    assert len(slots) == len(set(slots))


async def test_distributing_again_changes_nothing(postgres_url: str) -> None:
    assert await postgres_store(postgres_url).distribute() == []


async def test_tables_that_are_not_where_they_belong_are_moved_with_their_rows(
    postgres_url: str, coordinator: Session
) -> None:
    """Until version 9 of the schema, figures were distributed by the course."""
    async with opened(postgres_store(postgres_url)) as store:
        course = await new_course(store)
        await written(store, merge_write(new_learner(), course, lesson(1), quiz_attempts=1))
    figures = DISTRIBUTED["slot"]
    for table in figures:
        coordinator.execute(f"SELECT undistribute_table('{table}')")
    for table in figures[:2]:
        coordinator.execute(f"SELECT create_distributed_table('{table}', 'course_id')")
    assert set(await postgres_store(postgres_url).distribute()) == set(figures)
    async with opened(postgres_store(postgres_url)) as store:
        await check_exact(store, course.id)


async def test_a_worker_as_the_address_is_refused(postgres_url: str) -> None:
    node = (await cluster_of(postgres_url)).nodes[0]
    parts = urlsplit(postgres_url)
    worker = parts._replace(netloc=f"{parts.username}@{node}").geturl()
    with pytest.raises(ConfigurationError, match="Name the coordinator"):
        await postgres_store(worker).open()


async def test_a_write_is_one_transaction_on_one_worker(postgres_url: str, coordinator: Session) -> None:
    """Only a transaction on several nodes leaves a record of itself, until Citus clears the records."""
    async with opened(postgres_store(postgres_url)) as store:
        course = await new_course(store)
        learners = [new_learner() for _ in range(20)]
        before = coordinator.value("SELECT count(*) FROM pg_dist_transaction")
        for attempts in (1, 2):
            await asyncio.gather(
                *(written(store, merge_write(one, course, lesson(1), quiz_attempts=attempts)) for one in learners)
            )
        assert coordinator.value("SELECT count(*) FROM pg_dist_transaction") <= before
        await check_exact(store, course.id)


async def test_a_recount_beside_writers_and_edits_finds_no_difference(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url)) as store:
        course = await new_course(store, lesson(1), lesson(2))
        stopping = asyncio.Event()
        writing = [asyncio.create_task(_keep_writing(store, course, stopping)) for _ in range(16)]
        writing.append(asyncio.create_task(_keep_editing(store, course, stopping)))
        try:
            for _ in range(10):
                async with archive_of(store).recount(None) as recount:
                    assert (await verify(recount, lambda _: None)).is_exact
        finally:
            stopping.set()
            await asyncio.gather(*writing)
        async with Runner([Recalculator(store)]).working():
            await derived(store, course.id)
        await check_exact(store, course.id)


async def test_edits_and_first_writes_do_not_lock_each_other_out(postgres_url: str) -> None:
    async with opened(postgres_store(postgres_url)) as store, opened(postgres_store(postgres_url)) as author:
        courses = [await new_course(store, lesson(1, complete_at=100)) for _ in range(3)]
        stopping = asyncio.Event()
        writing = [asyncio.create_task(_keep_writing(store, course, stopping)) for course in courses * 3]
        try:
            async with Runner([Recalculator(store)]).working():
                for complete_at in range(70, 80):
                    for course in courses:
                        await author.put_course(with_fields(course, lessons=(lesson(1, complete_at=complete_at),)))
                for course in courses:
                    await derived(store, course.id)
        finally:
            stopping.set()
            await asyncio.gather(*writing)
        async with Runner([Recalculator(store)]).working():
            for course in courses:
                await derived(store, course.id)
        for course in courses:
            await check_exact(store, course.id)


async def _keep_writing(store: Store, course: Any, stopping: asyncio.Event) -> None:
    """Write for new learners, twice for each."""
    while not stopping.is_set():
        learner: LearnerId = new_learner()
        await written(store, merge_write(learner, course, lesson(1), progress_percentage=50))
        await written(store, merge_write(learner, course, lesson(1), progress_percentage=80))


async def _keep_editing(store: Store, course: Any, stopping: asyncio.Event) -> None:
    """Remove a lesson and put it back."""
    while not stopping.is_set():
        await store.put_course(with_fields(course, lessons=course.lessons[:1]))
        await store.put_course(course)
