"""Where a learner's rows are on a cluster: found by the program as Citus finds it."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID, uuid4

import pytest

from headway.domain.identifiers import LearnerId
from headway.storage.postgres.cluster import Cluster, Node, hash_of
from headway.storage.postgres.figures import Slots
from support.postgres import Databases, Session, session

_ONE: Final = Node("one", 5432)
_OTHER: Final = Node("other", 5433)


@pytest.fixture
def database(databases: Databases) -> Iterator[Session]:
    with databases.fresh() as url, session(url) as connected:
        yield connected


def test_the_hash_of_a_learner_is_that_of_postgresql(database: Session) -> None:
    learners = [UUID(int=0), UUID(int=2**128 - 1), UUID(int=1), *(uuid4() for _ in range(500))]
    found = database.rows("SELECT id, uuid_hash(id) FROM unnest($1::uuid[]) AS learner (id)", learners)
    assert found == [(learner, hash_of(LearnerId(str(learner)))) for learner in learners]


def test_a_learner_is_on_the_node_with_the_range_of_the_hash() -> None:
    learner = LearnerId(str(uuid4()))
    own = hash_of(learner)
    for firsts, nodes, expected in (
        ([-(2**31)], [_ONE], _ONE),
        ([-(2**31), own], [_ONE, _OTHER], _OTHER),
        ([-(2**31), own + 1], [_ONE, _OTHER], _ONE),
        ([-(2**31), own, own + 1], [_ONE, _OTHER, _ONE], _OTHER),
    ):
        assert Cluster(firsts, nodes, {}).node_of(learner) == expected


def test_batches_of_a_process_add_to_different_slots_of_their_server() -> None:
    on_server = [3, 4, 9, 12, 40]
    slots = Slots(2, on_server)
    taken = [slots.take(), slots.take()]
    assert len(set(taken)) == 2
    assert {*taken, slots.take(), slots.any()} <= set(on_server)


def test_a_server_with_one_slot_uses_it_for_every_batch() -> None:
    slots = Slots(2, [7])
    assert [slots.take(), slots.take()] == [7, 7]
