"""Where a learner's rows are: on the one server, or on a worker of a Citus cluster.

On a cluster, work on one learner goes to the worker that has the learner's rows, and not through the coordinator. A
transaction then has one server, and workers share the load. Citus accepts every statement on every node, so an address
that is out of date costs time, and nothing else.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from struct import unpack
from typing import Final, NamedTuple, cast
from uuid import UUID

import asyncpg

from headway.domain.identifiers import LearnerId
from headway.storage.shared.queries import read_queries, text_of

_CITUS: Final = read_queries("asyncpg", Path(__file__).with_name("citus.sql"))
HAS_CITUS: Final = text_of(_CITUS, "has_citus")
IS_WORKER: Final = text_of(_CITUS, "is_worker")
IS_DISTRIBUTED: Final = text_of(_CITUS, "is_distributed")
DISTRIBUTION_COLUMNS: Final = text_of(_CITUS, "distribution_columns")
COUNT_WORKERS: Final = text_of(_CITUS, "count_workers")
SHARDS: Final = text_of(_CITUS, "shards")
SLOTS_OF_NODES: Final = text_of(_CITUS, "slots_of_nodes")
ONE_SHARD_AFTER_THE_OTHER: Final = text_of(_CITUS, "one_shard_after_the_other")
PUT_ON_EVERY_NODE: Final = text_of(_CITUS, "put_on_every_node")
DISTRIBUTE: Final = text_of(_CITUS, "distribute")
DISTRIBUTE_BESIDE: Final = text_of(_CITUS, "distribute_beside")
BRING_TOGETHER: Final = text_of(_CITUS, "bring_together")
SETTINGS_OF_NODES: Final = text_of(_CITUS, "settings_of_nodes")
ONE_CONNECTION_A_WORKER: Final = text_of(_CITUS, "one_connection_a_worker")
HOLD_BACK_WRITES: Final = text_of(_CITUS, "hold_back_writes")
TOUCH_EVERY_WORKER: Final = text_of(_CITUS, "touch_every_worker")

SLOTS: Final = 16
"""Each counter is split into so many rows, so that transactions that add to it do not wait for each other."""

_CLUSTER_SLOTS: Final = 256
"""The same on a cluster, where the slot says on which worker the row is: every worker needs a few."""


class Node(NamedTuple):
    """The address of a server with learners' rows."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Cluster(NamedTuple):
    """The shards of the learners' tables, and the slots of the counters on each worker.

    A shard has a range of hashes. `first_hashes` has the first hash of each range, in order, and `nodes` the worker of
    each.
    """

    first_hashes: Sequence[int]
    nodes: Sequence[Node]
    slots: Mapping[Node, Sequence[int]]

    def node_of(self, learner_id: LearnerId) -> Node:
        """Return the worker that has a learner's rows."""
        return self.nodes[self.shard_of(learner_id)]

    def shard_of(self, learner_id: LearnerId) -> int:
        """Return the index of the shard that has a learner's rows."""
        return bisect_right(self.first_hashes, hash_of(learner_id)) - 1


async def find_cluster(connection: asyncpg.Connection) -> Cluster | None:
    """Return the cluster over which the tables are distributed; `None` where they are on one server."""
    if not await is_distributed(connection):
        return None
    shards = await connection.fetch(SHARDS)
    slots: dict[Node, list[int]] = {Node(host, port): [] for _, host, port in shards}
    for slot, host, port in await connection.fetch(SLOTS_OF_NODES, _CLUSTER_SLOTS):
        slots.setdefault(Node(host, port), []).append(slot)
    return Cluster(
        [int(first) for first, *_ in shards],
        [Node(host, port) for _, host, port in shards],
        slots,
    )


async def is_distributed(connection: asyncpg.Connection) -> bool:
    """Whether the tables are distributed over a cluster."""
    if not await has_citus(connection):
        return False
    return bool(await connection.fetchval(IS_DISTRIBUTED))


async def has_citus(connection: asyncpg.Connection) -> bool:
    """Whether the database has the Citus extension."""
    return bool(await connection.fetchval(HAS_CITUS))


_START: Final = 0x9E3779B9 + 16 + 3923095  # of the hash of 16 bytes
_WORD: Final = 0xFFFFFFFF


def hash_of(learner_id: LearnerId) -> int:
    """Return the hash by which Citus places a learner, from -2**31 to 2**31 - 1: `uuid_hash` of PostgreSQL.

    It is lookup3 by Bob Jenkins (public domain) over the id's 16 bytes, as in PostgreSQL's src/common/hashfn.c. Letters
    and turns are those of its `mix` and `final`.
    """
    a, b, c, rest = cast(tuple[int, int, int, int], unpack("<4I", UUID(learner_id).bytes))
    a, b, c = a + _START & _WORD, b + _START & _WORD, c + _START & _WORD
    a, c = (a - c & _WORD) ^ _turned(c, 4), c + b & _WORD
    b, a = (b - a & _WORD) ^ _turned(a, 6), a + c & _WORD
    c, b = (c - b & _WORD) ^ _turned(b, 8), b + a & _WORD
    a, c = (a - c & _WORD) ^ _turned(c, 16), c + b & _WORD
    b, a = (b - a & _WORD) ^ _turned(a, 19), a + c & _WORD
    c, b = (c - b & _WORD) ^ _turned(b, 4), b + a & _WORD
    a = a + rest & _WORD
    c = (c ^ b) - _turned(b, 14) & _WORD
    a = (a ^ c) - _turned(c, 11) & _WORD
    b = (b ^ a) - _turned(a, 25) & _WORD
    c = (c ^ b) - _turned(b, 16) & _WORD
    a = (a ^ c) - _turned(c, 4) & _WORD
    b = (b ^ a) - _turned(a, 14) & _WORD
    c = (c ^ b) - _turned(b, 24) & _WORD
    return c - 2**32 if c >> 31 else c


def _turned(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _WORD
