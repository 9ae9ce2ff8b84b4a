"""Kinds of lines: messages survive being taken apart, counts by kind are those of reading, and kinds are bounded."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drillyard.telemetry.logs.aggregate import Compute, Group, aggregate, facet
from drillyard.telemetry.logs.index import kinds
from drillyard.telemetry.logs.index.condition import Condition, both, either, opposite
from drillyard.telemetry.logs.index.template import Template, split
from drillyard.telemetry.logs.query import matches, parse
from drillyard.telemetry.logs.query.words import words
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import Window
from drillyard.telemetry.logs.store import SqliteStore

ALWAYS = Window(0, 1 << 41)
TAGS = st.sampled_from(["e:x", "e:y", "f:z"])
TIMES = st.integers(0, 400_000)
LINES = st.lists(st.tuples(TIMES, st.sampled_from("ab"), TAGS, st.sampled_from(["p", "q", "q 7", "x1"])), max_size=20)
MESSAGES = st.text(st.sampled_from("ab x0:9-._%sTZ\u00e9{"), max_size=30)


@pytest.fixture
def limits(monkeypatch):
    def limit(origins: int, templates: int) -> None:
        monkeypatch.setattr(kinds, "ORIGINS_MAX", origins)
        monkeypatch.setattr(kinds, "TEMPLATES_MAX", templates)

    return limit


@given(MESSAGES)
@example("550e8400-e29b-41d4-a716-446655440000 beef-0 1.2.3x 28T10:04:45Z %d %% %s")
def test_a_message_taken_apart_can_be_put_together_and_has_the_same_words(message):
    parts = split(message)
    if parts is None:
        return
    fixed, variables, forms = parts
    template = Template(fixed, forms)
    assert template.message(variables) == message
    assert len(template.words) == len(words(message))
    for word in words(message):
        found = list(template.alignments((word,)))
        assert found, f"{word} is in the message, and no place for it in {template.words}"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("took 17 ms", "took 99 ms", True),
        ("took 17ms", "took 99us", False),
        ("order 00c0ffee failed", "order deadbee7 failed", True),
        ("id 550e8400-e29b-41d4-a716-446655440000", "id 650e8400-dead-beef-a716-446655440000", True),
        ("at 2025-10-28T10:04:45Z", "at 2026-01-02T23:59:59Z", True),
        ("Payment failed", "Payment done", False),
    ],
)
def test_messages_of_one_statement_have_one_template(one, other, same):
    assert (split(one)[::2] == split(other)[::2]) is same


NUMBERS = frozenset(range(6))
SETS = {"a": frozenset({0, 1, 2}), "b": frozenset({2, 3}), "c": frozenset({1, 3, 5})}
CONDITIONS = st.recursive(
    st.sampled_from([(Condition(name), SETS[name]) for name in SETS] + [(Condition(), NUMBERS)]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (both(p[0][0], p[1][0]), p[0][1] & p[1][1])),
        st.tuples(inner, inner).map(lambda p: (either(p[0][0], p[1][0]), p[0][1] | p[1][1])),
        inner.filter(lambda p: opposite(p[0]) is not None).map(lambda p: (opposite(p[0]), NUMBERS - p[1])),
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_conditions_mean_what_sets_do(pair):
    condition, meant = pair
    python = {"AND": "&", "NOT": "-", "OR": "|"}
    text = " ".join(python.get(part, part) for part in (condition.text or "NUMBERS").split(" "))
    found = eval(text, {"NUMBERS": NUMBERS} | SETS)
    assert (NUMBERS - found if condition.negated else found) == meant


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    LINES,
    st.sampled_from(["*", "p", "service:a -e:x", "7", "*q", "-7 e:x", '"q 7"']),
    st.sampled_from([None, 1_000, 60_000, 120_000]),
    st.tuples(TIMES, TIMES),
    st.sampled_from([(500, 200), (1, 1), (0, 0)]),
)
def test_counts_by_kind_are_those_of_reading_each_line(tmp_path_factory, limits, lines, query, interval_ms, span, most):
    limits(*most)
    store = SqliteStore(tmp_path_factory.mktemp("counts") / "logs.db")
    store.add([Record(at, text, service=service, tags=[tag]) for at, service, tag, text in lines])
    tree, window = parse(query), Window(*sorted(span))
    found = [log for log in store.search(parse("*"), window) if matches(tree, log)]
    expected: dict[tuple[str, int], int] = {}
    for log in found:
        place = log.service, log.timestamp_ms // interval_ms * interval_ms if interval_ms else 0
        expected[place] = expected.get(place, 0) + 1
    counted: dict[tuple[str, int], int] = {}
    for part in store.count_by_origin(tree, window, interval_ms):
        counted[part.origin.service, part.start_ms] = counted.get((part.origin.service, part.start_ms), 0) + part.count
    assert counted == expected
    assert store.count(tree, window) == len(found)
    if interval_ms:
        assert sum(store.count_over_time(tree, window, interval_ms).values()) == len(found)
    store.close()


VALUES = st.sampled_from(
    [1, True, 1.0, "1", "one", "two", 7, None, [1, "two"], {"b": 1}, {"b": [2, {"c": "two"}]}, "x" * 150]
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["a", "a.b", "c", "d"]), VALUES, max_size=4)
ASKED = st.sampled_from(
    [
        "@a:1",
        "@a:one",
        "@a:*",
        "-@a:*",
        "@a.b:1",
        "@a.b:*",
        "@a.b.c:two",
        "@c:t*",
        "@c:[1 TO 7]",
        "*:two",
        "-@d:true",
        "@a:1 @c:1",
        "@d:1 OR @a:two",
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(ATTRIBUTES, min_size=1, max_size=25),
    ASKED,
    st.sampled_from([(16, 100), (2, 100), (16, 1), (0, 0)]),
    st.integers(0, 25),
)
def test_attributes_whose_values_are_few_are_found_and_shown_as_they_came(
    tmp_path_factory, monkeypatch, given_attributes, query, most, reopened_after
):
    monkeypatch.setattr(kinds, "FEW_VALUES", most[0])
    monkeypatch.setattr(kinds, "CONSTANT_KINDS_MAX", most[1])
    path = tmp_path_factory.mktemp("constants") / "logs.db"
    store = SqliteStore(path, records_max=1_000)
    for number, attributes in enumerate(given_attributes):
        store.add([Record(number, "said", attributes=dict(attributes))])
        if number == reopened_after:
            store.close()
            store = SqliteStore(path, records_max=1_000)
    found = list(store.search(parse(""), ALWAYS, newest_first=False))
    assert [repr(sorted(log.attributes.items())) for log in found] == [
        repr(sorted(attributes.items())) for attributes in given_attributes
    ]
    tree = parse(query)
    expected = [log.key for log in found if matches(tree, log)]
    assert [log.key for log in store.search(tree, ALWAYS, newest_first=False)] == expected
    assert store.count(tree, ALWAYS) == len(expected)
    store.close()


def test_attributes_of_a_few_values_are_in_no_line_and_in_no_index(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(n, "GET", attributes={"method": "GET", "status": 200, "id": f"{n}"}) for n in range(100)])
    documents = [stored for (stored,) in store._writer.execute("SELECT document FROM record WHERE key > 50 << 20")]
    assert not any(b"GET" in stored or b"200" in stored for stored in documents)
    assert store.count(parse("@method:GET @status:200 @id:77"), ALWAYS) == 1
    store.close()


def test_a_line_with_very_many_attributes_is_kept_whole_and_makes_no_kind(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    wide = {f"a{number}": number for number in range(5_000)}
    store.add([Record(1, "wide", attributes=dict(wide))])
    assert next(store.search(parse("wide @a7:7"), ALWAYS)).attributes == wide
    assert store.count(parse("@a4999:*"), ALWAYS) == 0  # Beyond VALUES_MAX: kept, not searched.
    assert max(len(kind.paths or ()) for kind in store.kinds) == 0
    store.close()


def test_more_lines_at_once_than_are_kept_leave_no_more_than_are_kept(tmp_path):
    store = SqliteStore(tmp_path / "logs.db", records_max=100)
    for start in range(0, 15_000, 5_000):
        store.add(
            [Record(number, f"line {number}", attributes={"n": number % 3}) for number in range(start, start + 5_000)]
        )
    assert store.count(parse(""), ALWAYS) <= 100
    assert store.count(parse("line"), ALWAYS) == store.count(parse("@n:*"), ALWAYS) == store.count(parse(""), ALWAYS)
    store.close()


def test_very_many_sets_of_tags_are_searched_but_have_no_kind(tmp_path, limits):
    limits(10, 200)
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(number, "word", tags=[f"id:{number}"]) for number in range(300)])
    store.close()
    store = SqliteStore(tmp_path / "logs.db")
    assert len(store.kinds) == 11  # LOOSE among them
    assert store.count(parse("id:5"), ALWAYS) == store.count(parse("id:250"), ALWAYS) == 1
    assert store.count(parse("-id:250 -id:5"), ALWAYS) == 298
    assert next(store.search(parse("id:25?"), ALWAYS)).tags == ["id:259"]
    assert len(aggregate(store, "*", ALWAYS, [Compute()], [Group("id", facet("id"), limit=500)])) == 300
    store.close()


def test_very_many_statements_share_one_kind(tmp_path, limits):
    limits(500, 10)
    store = SqliteStore(tmp_path / "logs.db")
    texts = [f"said {chr(97 + number % 26)}{chr(97 + number // 26)} loudly {number}" for number in range(300)]
    store.add([Record(number, text) for number, text in enumerate(texts)])
    assert len(store.kinds) == 10 + 1  # the open one
    assert store.count(parse("said"), ALWAYS) == 300
    assert store.count(parse("*udly"), ALWAYS) == 300
    assert [log.message for log in store.search(parse('"ab loudly 26"'), ALWAYS)] == ["said ab loudly 26"]
    store.close()


def test_a_broad_query_over_more_kinds_than_an_expression_names_finds_all(tmp_path, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.logs.index.plan.KINDS_NAMED_MAX", 3)
    store = SqliteStore(tmp_path / "logs.db")
    texts = [f"{chr(97 + number % 26)} said {number}" for number in range(300)]
    store.add([Record(number, text, service=text[0]) for number, text in enumerate(texts)])
    for query in ("said", "-service:a", "-service:a 299", "-service:a -299", "*id -service:b", "service:a OR 27", "2*"):
        tree = parse(query)
        expected = [text for text in reversed(texts) if matches(tree, Record(0, text, service=text[0]))]
        assert [log.message for log in store.search(tree, ALWAYS)] == expected
        assert store.count(tree, ALWAYS) == len(expected)
        assert sum(part.count for part in store.count_by_origin(tree, ALWAYS, None)) == len(expected)
    store.close()


def test_a_batch_that_fails_leaves_no_kind_behind(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    with pytest.raises(TypeError):
        store.add([Record(7, "x", service="lost"), Record(8, "broken", attributes={"x": object()})])
    store.add([Record(7, "y", service="kept")])
    store.close()
    store = SqliteStore(tmp_path / "logs.db")
    assert [log.service for log in store.search(parse("service:*"), ALWAYS)] == ["kept"]
    store.close()
