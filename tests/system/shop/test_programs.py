"""
The services as programs: settings, start, end; and the migrations as a command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from drillyard.base.errors import DrillyardError
from drillyard.shop.migrate import migrate

from .conftest import Postgres, free_port


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"drillyard.shop.{module}", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_bad_setting_is_one_sentence_and_exit_code_2() -> None:
    done = run("orders", DATABASE_URL="mysql://root:secret@db/data")

    sentence = "DATABASE_URL is 'mysql://root:***@db/data'; it must be postgresql+asyncpg://host….\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


@pytest.mark.parametrize("module", ["payment", "orders"])
def test_help_lists_the_settings_and_any_other_argument_is_refused(module: str) -> None:
    helped, refused = run(module, "--help"), run(module, "--port=80")

    assert (helped.returncode, helped.stderr) == (0, "")
    assert "  PORT " in helped.stdout
    assert "a whole number from 0 to 65535 (default 808" in helped.stdout
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("This service takes no arguments, but got '--port=80'.\n")


def test_an_address_that_is_taken_is_one_sentence_and_exit_code_1() -> None:
    done = run("payment", HOST="192.0.2.1", PORT=str(free_port()))

    assert done.returncode == 1
    assert "Cannot listen on 192.0.2.1:" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_shop_starts_nothing_and_leaves_alembic_out() -> None:
    modules = "catalogue, user, carts, orders, payment, shipping, queue_master, gateway"
    code = (
        f"from drillyard.shop import {modules}; import sys, threading, asyncio, os;"
        "print(threading.active_count(), 'alembic' in sys.modules, len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc') else 0)"
    )
    bare = "import os; print(len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc') else 0)"
    outputs = [
        subprocess.run([sys.executable, "-c", c], capture_output=True, text=True, timeout=20, check=True).stdout.split()
        for c in (code, bare)
    ]

    assert outputs[0] == ["1", "False", *outputs[1]]


def test_migrating_twice_and_side_by_side_is_harmless(postgres: Postgres) -> None:
    postgres.query("postgres", "CREATE DATABASE twice")
    url = postgres.url("twice")
    threads = [threading.Thread(target=migrate, args=("catalogue", url)) for _ in range(2)]
    for thread in threads:
        thread.start()
    done = run("migrate", "catalogue", url)
    for thread in threads:
        thread.join()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert postgres.query("twice", "SELECT count(*) FROM sock") == [["10"]]


def test_a_migration_that_cannot_be_done_is_one_sentence(postgres: Postgres) -> None:
    away = f"postgresql+asyncpg://u:secret@127.0.0.1:{free_port()}/data"
    for arguments, sentence in (
        (("catalogue", away), "Cannot migrate catalogue at postgresql+asyncpg://u:***@127.0.0.1:"),
        (("catalogue", postgres.url("nosuch")), 'database "nosuch" does not exist'),
        (("socks", away), "No database is called 'socks'."),
        (("user", "nonsense"), "Cannot migrate user at nonsense"),
        (("user", "mysql://x/y"), "Cannot migrate user at mysql://x/y"),
    ):
        with pytest.raises(DrillyardError) as raised:
            migrate(*arguments)
        assert sentence in str(raised.value)
        assert "secret" not in str(raised.value)
    assert run("migrate", "catalogue").returncode == 2
    assert run("migrate", "catalogue", away).returncode == 1
