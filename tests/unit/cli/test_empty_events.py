"""An event search that finds nothing says which part of it is to blame."""

from __future__ import annotations

from drillyard.yard.empty_result import explain_events

EVENT = {
    "attributes": {
        "message": "Scaled down replica set payment-1 from 1 to 0",
        "tags": ["source:kubernetes", "kube_namespace:sock-shop", "kube_deployment:payment", "event_reason:killing"],
        "attributes": {"title": "Events from the Deployment sock-shop/payment", "status": "info"},
    }
}


def said(query: str) -> str:
    return " ".join(explain_events(query, [EVENT]))


def test_a_wrong_value_is_answered_with_the_nearest_ones():
    assert "No event in this window has kube_deployment:paymnet; there is payment." in said("kube_deployment:paymnet")
    assert "source is kubernetes" in said("source:alert")


def test_a_wrong_tag_is_answered_with_the_nearest_ones():
    assert "no event has namespace, did you mean kube_namespace?" in said("namespace:sock-shop")


def test_terms_that_fit_alone_but_not_together_are_named():
    other = {"attributes": EVENT["attributes"] | {"tags": ["source:kubernetes", "kube_deployment:orders"]}}
    found = explain_events("kube_deployment:orders kube_namespace:sock-shop", [EVENT, other])
    assert any("Without kube_namespace:sock-shop there would be 1 event(s)" in sentence for sentence in found)


def test_an_empty_window_and_a_missing_word_say_so():
    assert explain_events("x", []) == ["There is no event at all in this window."]
    assert "No event in this window has exploded." in said("exploded")
    assert "this window has 1 event(s)" in said("exploded")
