"""
One page of a search, for logs and events alike: the window, the order, the limit, the cursor.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from drillyard.telemetry.api.answers import ApiError, answer, request_id
from drillyard.telemetry.api.fields import section, text, whole_number
from drillyard.telemetry.logs.cursor import Cursor, decode
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import RecordStore, Window
from drillyard.telemetry.telemetry import Telemetry
from drillyard.telemetry.times import parse_time

LIMIT_MAX = 1_000
PAGE_BYTES_MAX = 32 * 1024 * 1024
"""A thousand logs of a megabyte do not go into one answer."""
ASKED_MAX = 10_000
"""Of events clients ask for more than a page (datadog-mcp for 5,000): they get a page, and a cursor for the rest."""


class EmptyWindow(ApiError):
    """`from` is after `to`."""


@dataclass(frozen=True)
class Question:
    """A search as asked. `identity` is what must stay the same from page to page."""

    query: str
    window: Window
    newest_first: bool
    limit: int
    after: int | None
    identity: str


def read_window(parts: Mapping[str, Any], now_ms: int) -> Window:
    """`from` (default now-15m) and `to` (default now). Raises TimeError, and ApiError if they are swapped."""
    start = parse_time(_or(parts.get("from"), "now-15m"), now_ms)
    end = parse_time(_or(parts.get("to"), "now"), now_ms)
    if start > end:
        raise EmptyWindow(400, "The time span is empty: from is after to.")
    return Window(start, end)


def _or(value: object, default: str) -> object:
    return default if value is None or value == "" else value


def read_question(
    body: Mapping[str, Any], now_ms: int, *, default_sort: str = "-timestamp", asked_max: int = LIMIT_MAX
) -> Question:
    """From the JSON form `{filter, sort, page}`. Raises ApiError, TimeError, CursorError, QueryError."""
    asked, page = section(body, "filter"), section(body, "page")
    query = text(asked, "query", "*")
    parse(query)
    sort = text(body, "sort") or default_sort
    if sort not in ("timestamp", "-timestamp"):
        raise ApiError(400, "sort must be timestamp or -timestamp.")
    limit = min(LIMIT_MAX, whole_number(page, "limit", 10, 1, asked_max))
    window = read_window(asked, now_ms)
    identity = orjson.dumps([query, asked.get("from"), asked.get("to"), sort]).decode()
    after, cursor = None, text(page, "cursor")
    if cursor:
        place = decode(cursor, identity)
        after, window = place.key, place.window
    return Question(query, window, sort == "-timestamp", limit, after, identity)


def form_of(request: Request) -> dict[str, Any]:
    """The JSON form of a GET search with `filter[query|from|to]`, `sort`, `page[limit|cursor]`."""
    given = request.query_params
    asked = {name: given[f"filter[{name}]"] for name in ("query", "from", "to") if f"filter[{name}]" in given}
    page = {name: given[f"page[{name}]"] for name in ("limit", "cursor") if f"page[{name}]" in given}
    return {"filter": asked, "page": page} | ({"sort": given["sort"]} if "sort" in given else {})


async def answer_search(
    request: Request,
    telemetry: Telemetry,
    store: RecordStore,
    question: Question,
    show: Callable[[Record], dict[str, Any]],
) -> Response:
    """The page as JSON:API: `data`, `meta`, and `meta.page.after` with `links.next` only when more follows."""
    started_s = time.monotonic()
    tree = parse(question.query)

    def look() -> tuple[list[orjson.Fragment], int | None]:
        """The page, and the last record's key where more follows."""
        found = store.search(tree, question.window, newest_first=question.newest_first, after=question.after)
        page: list[orjson.Fragment] = []
        size = last = 0
        for record in found:
            if len(page) == question.limit:
                return page, last
            shown = orjson.dumps(show(record), option=orjson.OPT_NON_STR_KEYS)
            size += len(shown)
            if size > PAGE_BYTES_MAX:
                raise ApiError(400, f"The page is larger than {PAGE_BYTES_MAX >> 20} MB. Ask with a lower page limit.")
            page.append(orjson.Fragment(shown))
            last = record.key
        return page, None

    page, last = await telemetry.read(look)
    meta: dict[str, Any] = {
        "elapsed": round((time.monotonic() - started_s) * 1000),
        "request_id": request_id(),
        "status": "done",
    }
    content: dict[str, Any] = {"data": page, "meta": meta}
    if last is not None:
        after = Cursor(last, question.window).encode(question.identity)
        meta["page"] = {"after": after}
        content["links"] = {"next": _next_link(request, question, after)}
    return answer(content)


def _next_link(request: Request, question: Question, after: str) -> str:
    query, start, end, sort = orjson.loads(question.identity)
    parts = {"filter[query]": query, "filter[from]": start, "filter[to]": end, "sort": sort}
    parts |= {"page[limit]": question.limit, "page[cursor]": after}
    path = request.url.path.removesuffix("/search")
    base = f"{request.url.scheme}://{request.url.netloc}{path}"
    return f"{base}?{urlencode({name: value for name, value in parts.items() if value is not None})}"
