"""
Stripe's way of writing parameters: form-encoded, nested by brackets (`metadata[order_id]=1`, `expand[]=charge`).

Whatever arrives becomes a tree of hashes, lists and texts, or one sentence that says what is wrong with it; depth,
number and size have limits, because the body comes from a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from drillyard.bank.errors import Refused

Tree = dict[str, "str | Tree"]

PARAMETERS_MAX = 200
DEPTH_MAX = 4
METADATA_KEYS_MAX = 50
METADATA_KEY_MAX = 40
METADATA_VALUE_MAX = 500
INTEGER_DIGITS_MAX = 15

_TWO_SHAPES = "Invalid request: parameter {name} is given in two different shapes."
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def parse(text: str) -> Tree:
    """
    The parameters of a body or of a query string. A list is a hash with the keys "0", "1", ….

    Raises Refused for a malformed name, too many parameters, too deep a nesting, or two shapes for one name.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMETERS_MAX, errors="strict")
    except UnicodeDecodeError:
        raise Refused("Invalid request: the parameters are not valid UTF-8.") from None
    except ValueError:
        raise Refused(f"Invalid request: more than {PARAMETERS_MAX} parameters.") from None
    tree: Tree = {}
    for name, value in pairs:
        _put(tree, name, value)
    return tree


def _put(tree: Tree, name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise Refused(f"Invalid request: cannot read the parameter name {name[:80]!r}.")
    path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(path) > DEPTH_MAX:
        raise Refused(f"Invalid request: parameter {match[1][:80]} is nested too deeply.")
    node = tree
    for key in path[:-1]:
        child = node.setdefault(key or str(len(node)), {})
        if isinstance(child, str):
            raise Refused(_TWO_SHAPES.format(name=match[1][:80]))
        node = child
    leaf = path[-1] or str(len(node))
    if isinstance(node.get(leaf), dict):
        raise Refused(_TWO_SHAPES.format(name=match[1][:80]))
    node[leaf] = value


class Params:
    """
    The parameters of one request, read one by one; every reader raises Refused with Stripe's message and `param`.

    What was never asked for is unknown to the operation: `refuse_unknown` says so, as Stripe does.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._read: set[str] = set()

    def text(self, name: str) -> str | None:
        """A single value; an empty one counts as not given (Stripe's way to unset)."""
        self._read.add(name)
        value = self._tree.get(name)
        if isinstance(value, dict):
            raise Refused(f"Invalid string: {name} must be a single value.", param=name)
        return value or None

    def required(self, name: str) -> str:
        """A value that must be there."""
        value = self.text(name)
        if value is None:
            raise _missing(name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.text(name)
        return None if value is None else whole_number(name, value)

    def required_integer(self, name: str) -> int:
        """A whole number that must be there."""
        return whole_number(name, self.required(name))

    def boolean(self, name: str, *, default: bool) -> bool:
        """`true` or `false`."""
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise Refused(f"Invalid boolean: {value[:80]}", param=name, code="parameter_invalid_boolean")
        return value.lower() == "true"

    def choice(self, name: str, choices: Sequence[str], *, default: str | None = None) -> str | None:
        """One of the listed values."""
        value = self.text(name)
        if value is None:
            return default
        if value not in choices:
            raise Refused(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return value

    def hash(self, name: str) -> Tree:
        """A nested value; empty when it is not given."""
        self._read.add(name)
        value = self._tree.get(name, {})
        if isinstance(value, str):
            if value == "":
                return {}
            raise Refused(f"Invalid hash: {name} must be a hash.", param=name)
        return value

    def hash_given(self, name: str) -> bool:
        """True when a nested value was given under this name."""
        return isinstance(self._tree.get(name), dict)

    def texts(self, name: str) -> list[str]:
        """A list of single values (`expand[]=a&expand[]=b`)."""
        values = self.hash(name).values()
        if not all(isinstance(value, str) for value in values):
            raise Refused(f"Invalid array: {name} must be a list of strings.", param=name)
        return [value for value in values if isinstance(value, str)]

    def given(self, name: str) -> bool:
        """True when the caller named it, if only to unset it with an empty value."""
        return name in self._tree

    def metadata(self, kept: Mapping[str, str] | None = None) -> dict[str, str]:
        """
        The caller's own notes, over those that are `kept`: at most 50 keys of 40 characters, values of 500.

        An empty value removes its key, an empty `metadata` removes them all (https://docs.stripe.com/api/metadata).
        """
        metadata = {} if self._tree.get("metadata") == "" else dict(kept or {})
        for key, value in self.hash("metadata").items():
            param = f"metadata[{key[:METADATA_KEY_MAX]}]"
            if isinstance(value, dict):
                raise Refused("Metadata values must be strings, and nested hashes are not supported.", param=param)
            if len(key) > METADATA_KEY_MAX:
                raise Refused(f"Metadata keys must be at most {METADATA_KEY_MAX} characters long.", param=param)
            if len(value) > METADATA_VALUE_MAX:
                raise Refused(f"Metadata values must be at most {METADATA_VALUE_MAX} characters long.", param=param)
            if value:
                metadata[key] = value
            else:
                metadata.pop(key, None)
        if len(metadata) > METADATA_KEYS_MAX:
            raise Refused(f"Metadata has at most {METADATA_KEYS_MAX} keys.", param="metadata")
        return metadata

    def ignore(self, *names: str) -> None:
        """Accepts parameters that change nothing here (a receipt address, a return page)."""
        self._read.update(names)

    def refuse_unknown(self) -> None:
        """Raises Refused when the caller gave a parameter that nothing reads, before any effect."""
        for name in self._tree:
            if name not in self._read:
                raise Refused(f"Received unknown parameter: {name[:80]}", param=name[:80], code="parameter_unknown")


def whole_number(name: str, value: str) -> int:
    """Raises Refused for anything but an optionally signed row of at most 15 ASCII digits."""
    if not re.fullmatch(rf"[-+]?[0-9]{{1,{INTEGER_DIGITS_MAX}}}", value):
        raise Refused(f"Invalid integer: {value[:80]}", param=name, code="parameter_invalid_integer")
    return int(value)


def _missing(name: str) -> Refused:
    return Refused(f"Missing required param: {name}.", param=name, code="parameter_missing")
