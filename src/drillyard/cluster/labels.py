"""
LabelSelector objects, as Deployments, ReplicaSets and Jobs carry them (meta/v1): whether they match, and as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches_labels(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A LabelSelector object (`matchLabels`, `matchExpressions`) against labels. None selects nothing, {} all."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression_holds(item, labels) for item in selector.get("matchExpressions") or ())


def _expression_holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector as text: `app=web,tier in (a,b)`."""
    if not selector:
        return ""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or ():
        values = ",".join(sorted(item.get("values") or ()))
        match item["operator"]:
            case "In":
                parts.append(f"{item['key']} in ({values})")
            case "NotIn":
                parts.append(f"{item['key']} notin ({values})")
            case "Exists":
                parts.append(item["key"])
            case _:
                parts.append("!" + item["key"])
    return ",".join(parts)
