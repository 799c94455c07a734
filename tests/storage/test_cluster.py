"""Where a learner's rows are on a cluster: found by the program as Citus finds it."""

import re
from collections.abc import Iterator
from typing import Any, Final, cast
from uuid import UUID, uuid4

import pytest

from headway.domain.identifiers import LearnerId
from headway.storage.postgres import statements as sql
from headway.storage.postgres.cluster import Cluster, Node, hash_of
from headway.storage.postgres.figures import Slots
from headway.storage.postgres.servers import LearnersServer, Servers
from headway.storage.shared.queries import parts_of
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


class Part:
    """Stands for the database, the writer and the queue of a server."""

    is_worker = True

    def __init__(self) -> None:
        self.slots: list[object] = []
        self.closed = 0

    def use_slots(self, on_server: object) -> None:
        self.slots.append(on_server)

    async def close(self) -> None:
        self.closed += 1


def server() -> tuple[LearnersServer, Part]:
    part = Part()
    return LearnersServer(cast(Any, part), cast(Any, part), cast(Any, part)), part


async def test_work_goes_to_the_worker_that_has_the_learner_and_follows_the_learner() -> None:
    made: dict[Node, tuple[LearnersServer, Part]] = {}

    def make(node: Node) -> LearnersServer:
        made[node] = server()
        return made[node][0]

    main, main_part = server()
    servers, learner = Servers(main, make), LearnerId(str(uuid4()))
    assert servers.of(learner) is main
    both = {_ONE: [1, 2], _OTHER: [3, 4]}
    servers.use(Cluster([-(2**31), hash_of(learner)], [_ONE, _OTHER], both))
    assert servers.of(learner) is made[_OTHER][0]
    servers.use(Cluster([-(2**31), hash_of(learner)], [_OTHER, _ONE], {_ONE: [3], _OTHER: [1, 2]}))
    assert servers.of(learner) is made[_ONE][0]
    assert made[_ONE][1].slots == [[1, 2], [3]]
    assert set(made) == {_ONE, _OTHER}
    servers.use(None)
    assert servers.of(learner) is main
    await servers.close()
    assert [part.closed for part in (main_part, made[_ONE][1], made[_OTHER][1])] == [2, 2, 2]  # the queue, connections


def test_a_statement_is_taken_apart_with_the_parameters_of_each_part() -> None:
    whole = "WITH a AS (\n    INSERT INTO t SELECT $1, $2\n),\nb AS (\n    DELETE FROM u WHERE v = $3\n)\nSELECT $2, $4"
    first, second, rest = parts_of(whole)
    assert (first.statement.strip(), first.parameters) == ("INSERT INTO t SELECT $1, $2", [0, 1])
    assert (second.statement.strip(), second.parameters) == ("DELETE FROM u WHERE v = $1", [2])
    assert (rest.statement.strip(), rest.parameters) == ("SELECT $1, $2", [1, 3])


def test_counters_and_gates_are_all_parts_of_their_statements() -> None:
    changed = [re.search(r"INSERT INTO (\w+)", part.statement) for part in sql.COUNTER_PARTS]
    assert [one and one[1] for one in changed] == [
        "lesson_statistics", "quiz_scores", "course_statistics", "course_activity",
    ]  # fmt: skip
    used = sorted(position for part in sql.COUNTER_PARTS for position in part.parameters[1:])
    assert used == list(range(1, len(used) + 1))
    gates, *_ = parts_of(sql.STORE_WRITES)
    assert gates.parameters == list(range(len(gates.parameters)))
    assert gates.statement == sql.PASS_GATES
