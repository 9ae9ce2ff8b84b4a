"""
The same lines and questions put to other stores, each used plainly, as its own manual does.

Every class loads batches of lines (dicts as the agent posts them) and answers questions; `answer` gives the number of
lines or groups found, so that the bench can see that all mean the same. None where the store has no way to say it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson

from bench.log_questions import Question

Lines = Sequence[dict[str, Any]]
NEWEST = 50
COLUMNS = ("service", "status", "kube_namespace", "pod_name")


class Candidate(Protocol):
    """One store in a folder of its own. The constructor raises ImportError where it is not installed."""

    note: str

    def __init__(self, folder: Path) -> None: ...

    def add(self, lines: Lines) -> None:
        """Takes a batch in."""

    def ready(self) -> None:
        """Everything taken in can be found from here on."""

    def answer(self, question: Question) -> int | None:
        """How many lines or groups are found."""

    def close(self) -> None:
        """Ends it."""


def row(line: dict[str, Any]) -> tuple[int, str, str, str, str, str]:
    """Time, message, service, status, namespace, pod."""
    tags = dict(tag.split(":", 1) for tag in line["ddtags"].split(","))
    return (
        line["timestamp"],
        line["message"],
        line["service"],
        line["status"],
        tags["kube_namespace"],
        tags["pod_name"],
    )


def fields_of(question: Question) -> Iterable[tuple[str, str, bool]]:
    """Field, value, and whether it must be equal."""
    yield from ((name, value, True) for name, value in question.equal.items())
    yield from ((name, value, False) for name, value in question.unequal.items())


class DuckDb:
    """A table; every search reads it."""

    note = "bulk load of JSON files of 90,000 lines, each a transaction"

    def __init__(self, folder: Path) -> None:
        import duckdb

        self._folder = folder
        self._db = duckdb.connect(str(folder / "logs.duckdb"))
        self._db.execute("SET threads=2")
        columns = ", ".join(f"{name} VARCHAR" for name in COLUMNS)
        self._db.execute(f"CREATE TABLE log (ts BIGINT, message VARCHAR, {columns})")

    def add(self, lines: Lines) -> None:
        names = ("ts", "message", *COLUMNS)
        path = self._folder / "batch.json"
        path.write_bytes(b"\n".join(orjson.dumps(dict(zip(names, row(line), strict=True))) for line in lines))
        types = ", ".join(f"{name}: '{'BIGINT' if name == 'ts' else 'VARCHAR'}'" for name in names)
        self._db.execute(f"INSERT INTO log SELECT * FROM read_json('{path}', columns={{{types}}})")

    def ready(self) -> None:
        (self._folder / "batch.json").unlink()
        self._db.execute("CHECKPOINT")

    def answer(self, question: Question) -> int | None:
        found = self._db.execute(sql(question, "regexp_matches(lower(message), {})")).fetchall()
        return int(found[0][0]) if question.kind == "count" else len(found)

    def close(self) -> None:
        self._db.close()


def sql(question: Question, pattern: str) -> str:
    """One SELECT over the table `log`; `pattern` is how a regular expression is asked of the message."""
    where = [f"{name} {'=' if equal else '<>'} '{value}'" for name, value, equal in fields_of(question)]
    if question.pod_starts:
        where.append(f"pod_name LIKE '{question.pod_starts}%'")
    if question.phrases:
        likes = [f"lower(message) LIKE '%{phrase}%'" for phrase in question.phrases]
        where.append(f"({' OR '.join(likes)})")
    if question.starts:
        where.append(pattern.format(f"'\\b{question.starts}'"))
    if question.ends:
        where.append(pattern.format(f"'{question.ends}\\b'"))
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    by = ", ".join(question.by)
    match question.kind:
        case "count":
            return f"SELECT count(*) FROM log {condition}"
        case "groups":
            return f"SELECT {by}, count(*) FROM log {condition} GROUP BY {by}"
        case "minutes":
            minute = ", ".join(["ts // 60000", *question.by])
            return f"SELECT {minute}, count(*) FROM log {condition} GROUP BY {minute}"
    return f"SELECT ts, message, service, status FROM log {condition} ORDER BY ts DESC LIMIT {NEWEST}"


class Fts5:
    """One FTS5 table with every field a column, as its manual begins."""

    note = "a transaction for 5,000 lines, synchronous=FULL; leading wildcards by LIKE"

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "fts5.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.create_function("matches", 2, lambda text, wanted: re.search(wanted, text) is not None)
        columns = ", ".join(COLUMNS)
        self._db.execute(
            f"CREATE VIRTUAL TABLE log USING fts5(ts UNINDEXED, message, {columns}, tokenize=\"ascii tokenchars '_'\")"
        )

    def add(self, lines: Lines) -> None:
        for start in range(0, len(lines), 5_000):
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO log VALUES (?,?,?,?,?,?)", map(row, lines[start : start + 5_000]))
            self._db.execute("COMMIT")

    def ready(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def answer(self, question: Question) -> int | None:
        wanted = [f'{name}:"{value}"' for name, value, equal in fields_of(question) if equal]
        if question.phrases:
            phrases = [f'message:"{phrase}"' for phrase in question.phrases]
            wanted.append(f"({' OR '.join(phrases)})")
        if question.starts:
            wanted.append(f'message:"{question.starts}" *')
        if question.pod_starts:
            wanted.append(f'pod_name:^"{question.pod_starts}"')
        where = []
        if wanted:
            text = " AND ".join(wanted)
            for name, value in question.unequal.items():
                text = f'({text}) NOT {name}:"{value}"'
            where.append(f"log MATCH '{text}'")
        if question.ends:
            where.append(f"message LIKE '%{question.ends}%' AND matches(lower(message), '{question.ends}\\b')")
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        by = ", ".join(question.by)
        minute = ", ".join(["ts / 60000", *question.by])
        text = {
            "count": f"SELECT count(*) FROM log {condition}",
            "groups": f"SELECT {by}, count(*) FROM log {condition} GROUP BY {by}",
            "minutes": f"SELECT {minute}, count(*) FROM log {condition} GROUP BY {minute}",
            "newest": f"SELECT ts, message, service FROM log {condition} ORDER BY rowid DESC LIMIT {NEWEST}",
        }[question.kind]
        found = self._db.execute(text).fetchall()
        return int(found[0][0]) if question.kind == "count" else len(found)

    def close(self) -> None:
        self._db.close()


class Tantivy:
    """An index with raw fields for tags, fast fields for groups and order."""

    note = "a commit for 90,000 lines"

    def __init__(self, folder: Path) -> None:
        import tantivy

        self._tantivy = tantivy
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("ts", stored=True, indexed=True, fast=True)
        builder.add_text_field("message", stored=True)
        for name in COLUMNS:
            builder.add_text_field(name, stored=True, fast=True, tokenizer_name="raw", index_option="basic")
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema, path=str(folder))
        self._writer = self._index.writer(128_000_000, 1)

    def add(self, lines: Lines) -> None:
        names = ("ts", "message", *COLUMNS)
        for line in lines:
            self._writer.add_document(
                self._tantivy.Document.from_dict(dict(zip(names, row(line), strict=True)), self._schema)
            )
        self._writer.commit()

    def ready(self) -> None:
        self._writer.wait_merging_threads()
        self._index.reload()

    def _query(self, question: Question) -> Any:
        ask, occur = self._tantivy.Query, self._tantivy.Occur
        parts = [
            (occur.Must if equal else occur.MustNot, ask.term_query(self._schema, name, value))
            for name, value, equal in fields_of(question)
        ]
        if question.phrases:
            found = []
            for phrase in question.phrases:
                words = phrase.split()
                one = ask.term_query(self._schema, "message", words[0])
                found.append((occur.Should, ask.phrase_query(self._schema, "message", words) if words[1:] else one))
            parts.append((occur.Must, ask.boolean_query(found)))
        for name, pattern in (
            ("message", question.starts and question.starts + ".*"),
            ("message", question.ends and ".*" + question.ends),
            ("pod_name", question.pod_starts and question.pod_starts + ".*"),
        ):
            if pattern:
                parts.append((occur.Must, ask.regex_query(self._schema, name, pattern)))
        return ask.boolean_query(parts) if parts else ask.all_query()

    def answer(self, question: Question) -> int | None:
        searcher, query = self._index.searcher(), self._query(question)
        if question.kind == "newest":
            hits = searcher.search(query, NEWEST, count=False, order_by_field="ts").hits
            return len([searcher.doc(place).to_dict() for _, place in hits])
        if question.kind == "count":
            return int(searcher.search(query, 1, count=True).count)
        wanted: dict[str, Any] = {}
        for name in reversed(question.by):
            wanted = {"by": {"terms": {"field": name, "size": 100}} | ({"aggs": wanted} if wanted else {})}
        if question.kind == "minutes":
            minutes = {"histogram": {"field": "ts", "interval": 60_000.0, "min_doc_count": 1}}
            wanted = {"by": minutes | ({"aggs": wanted} if wanted else {})}
        found = searcher.aggregate(query, wanted)
        return _buckets(json.loads(found) if isinstance(found, str) else found)

    def close(self) -> None:
        pass


def _buckets(found: dict[str, Any]) -> int:
    """The innermost buckets."""
    return sum(_buckets(bucket) if "by" in bucket else 1 for bucket in found["by"]["buckets"])


class Ripgrep:
    """Lines of JSON in a file; every search reads it."""

    note = "appended to a file with fsync; no groups"

    def __init__(self, folder: Path) -> None:
        beside = Path(sys.executable).parent / "rg"
        self._program = shutil.which("rg") or (str(beside) if beside.exists() else "")
        if not self._program:
            raise ImportError("rg is not on the PATH")
        self._path = folder / "logs.jsonl"
        self._file = self._path.open("ab")

    def add(self, lines: Lines) -> None:
        self._file.writelines(orjson.dumps(line) + b"\n" for line in lines)
        self._file.flush()
        os.fsync(self._file.fileno())

    def ready(self) -> None:
        self._file.close()

    def answer(self, question: Question) -> int | None:
        """Fields stand in the order of the post: message, status, service, tags."""
        if question.kind in ("groups", "minutes"):
            return None
        parts = []
        if question.phrases:
            parts.append(f"(?i:{'|'.join(question.phrases)})")
        if question.starts or question.ends:
            parts.append(rf"(?i:\b{question.starts})" if question.starts else rf"(?i:{question.ends}\b)")
        if "status" in question.equal:
            parts.append(f'"status":"{question.equal["status"]}"')
        if "status" in question.unequal:
            parts.append('"status":"[^i]')
        if "service" in question.equal:
            parts.append(f'"service":"{question.equal["service"]}"')
        if "kube_namespace" in question.equal:
            parts.append(f"kube_namespace:{question.equal['kube_namespace']}")
        if question.pod_starts:
            parts.append(f"pod_name:{question.pod_starts}")
        command = [self._program, "--no-config", ".*".join(parts), str(self._path)]
        if question.kind == "count":
            return int(subprocess.run([*command, "-c"], capture_output=True, check=True).stdout)
        found = subprocess.Popen(command, stdout=subprocess.PIPE)
        newest = subprocess.run(["tail", "-n", str(NEWEST)], stdin=found.stdout, capture_output=True, check=True).stdout
        found.wait()
        return len(newest.splitlines())

    def close(self) -> None:
        pass


CANDIDATES: dict[str, type[Candidate]] = {
    "SQLite FTS5, plainly": Fts5,
    "DuckDB": DuckDb,
    "tantivy": Tantivy,
    "ripgrep": Ripgrep,
}
