"""A PostgreSQL of the tests' own, from Debian's package."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

USER = "postgres"
PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian puts each version's programs, which are not on the path."""


def programs() -> Path | None:
    """Folder of the newest installed version's programs."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """A running server without a network: it listens in its own folder alone."""

    def __init__(self, programs: Path):
        self._programs, self._numbers = programs, count()
        # A socket's path may have 107 letters, and pytest's folders are deep.
        self.folder = Path(tempfile.mkdtemp(prefix="llmseg-pg-", dir="/tmp"))
        if os.geteuid() == 0:  # as whom PostgreSQL refuses to run
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        try:
            self._run("initdb", "--no-sync", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8")
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, user: str = USER) -> str:
        return f"postgresql://{user}@/postgres?host={self.folder}"

    def create(self) -> str:
        """The address of an empty place of its own: a user with a schema, which costs far less than a database."""
        import psycopg

        name = f"study_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN")
            connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        return self.url(name)

    def start(self) -> None:
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=on -c max_connections=100"
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def crash(self) -> None:
        """Stop at once, as if the power failed: what was not on the disk is lost."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-w")

    def close(self) -> None:
        self.crash()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.data), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", USER, "--", *command]
        # Into a file: the server keeps what it is given, and a pipe would never end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(command, cwd="/tmp", stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False)
            said.seek(0)
            assert done.returncode == 0, said.read().decode(errors="replace")
