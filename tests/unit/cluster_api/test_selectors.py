"""
Label and field selectors: what they let through, and the words for what does not parse.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver.selectors import field_selector, label_selector
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.labels import matches_labels, selector_text


def labelled(**labels: str) -> Object:
    return {"metadata": {"name": "x", "labels": labels}}


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("", labelled(), None),
        ("a=1", labelled(a="1"), labelled(a="2")),
        ("a==1,b", labelled(a="1", b=""), labelled(a="1")),
        ("a!=1", labelled(), labelled(a="1")),
        ("a in (1, 2)", labelled(a="2"), labelled(a="3")),
        ("a notin (1,2),c", labelled(c="x"), labelled(a="1", c="x")),
        ("!a", labelled(b="1"), labelled(a="1")),
        ("a>5", labelled(a="6"), labelled(a="5")),
        ("a<5", labelled(a="-3"), labelled(a="x")),
        ("a=", labelled(a=""), labelled(a="1")),
        ("app.kubernetes.io/name=web", labelled(**{"app.kubernetes.io/name": "web"}), labelled()),
    ],
)
def test_what_a_label_selector_lets_through(text: str, yes: Object, no: Object | None) -> None:
    matches = label_selector(text)
    assert matches(yes)
    assert no is None or not matches(no)


@pytest.mark.parametrize("text", ["a===", "a in 1", "a in (1", ",", "a=1,", "=1", "a b", "a>x", "a=-", "in (a)=", "()"])
def test_what_is_no_label_selector_is_a_bad_request(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        label_selector(text)
    assert refused.value.status == 400


@given(st.text(alphabet="ab1 ,=!()<>inot-._/", max_size=30))
def test_any_text_parses_or_is_a_bad_request(text: str) -> None:
    try:
        label_selector(text)(labelled(a="1", b="x"))
    except ApiError as refused:
        assert refused.status == 400


def test_field_selectors_know_what_their_kind_indexes() -> None:
    pod: Object = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}
    assert field_selector("spec.nodeName=n1,status.phase!=Failed", "pods")(pod)
    assert not field_selector("metadata.name=q", "pods")(pod)
    assert field_selector("spec.hostNetwork=false", "pods")(pod)
    event: Object = {"metadata": {"name": "e"}, "source": {"component": "kubelet"}, "involvedObject": {"name": "p"}}
    assert field_selector("involvedObject.name=p,source=kubelet", "events")(event)
    with pytest.raises(ApiError, match=r"field label not supported: spec\.colour"):
        field_selector("spec.colour=red", "pods")
    with pytest.raises(ApiError, match="can't understand 'x'"):
        field_selector("x", "pods")


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), min_size=1),
)
def test_a_selector_object_and_its_text_agree(labels: dict[str, str], wanted: dict[str, str]) -> None:
    expressions = [{"key": "a", "operator": "NotIn", "values": ["2"]}, {"key": "d", "operator": "DoesNotExist"}]
    selector = {"matchLabels": wanted, "matchExpressions": expressions}
    assert matches_labels(selector, labels) == label_selector(selector_text(selector))(labelled(**labels))
