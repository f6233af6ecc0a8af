"""A throw-away PostgreSQL server for the tests: its own files, a unix socket, no network."""

import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

OPTIONS = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
}

_numbers = itertools.count()


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl, of the newest version installed; None without any."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), default=None)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start a server with the binaries of a folder; gives the socket's folder, stops it after."""
    home = Path(tempfile.mkdtemp(prefix="clipad-pg-"))
    identity = _unprivileged(home)
    data = str(home / "data")
    options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())

    def call(program: str, *arguments: str) -> None:
        # To a file: a server started would hold a pipe open for as long as it lives.
        with open(home / "said", "ab+") as said:
            command = [str(folder / program), "-D", data, *arguments]
            done = subprocess.run(command, cwd=home, stdout=said, stderr=said, **identity)
            said.seek(0)
            assert done.returncode == 0, said.read().decode(errors="replace")

    try:
        call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        call("pg_ctl", "start", "-w", "-l", str(home / "log"), "-o", f"{options} -k {home}")
        try:
            yield str(home)
        finally:
            call("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def database(socket_folder: str) -> Iterator[str]:
    """The URL of a fresh database of the server with this socket folder; dropped after."""
    name = f"test{next(_numbers)}"
    at = f"host={socket_folder} user=postgres dbname=postgres"
    with psycopg.connect(at, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={socket_folder}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _unprivileged(home: Path) -> dict[str, Any]:
    """What makes a subprocess run as the owner of `home`: the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
