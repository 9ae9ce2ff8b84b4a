"""
Topic matching: `*` stands for one word, `#` for any number of words, words are divided by dots.

A tree of patterns answers in time bound by its own size times the words of the key, so patterns full of `#` cannot
stall the broker: each (node, word) pair is looked at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.values: dict[T, None] = {}


class TopicTree(Generic[T]):
    """Patterns with values; `match` gives each value once, in the order in which it was found."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, pattern: str, value: T) -> None:
        node = self._root
        for word in _words(pattern):
            node = node.children.setdefault(word, _Node())
        node.values[value] = None

    def remove(self, pattern: str, value: T) -> None:
        """Removing what is not there changes nothing; branches that became empty go too."""
        path = [self._root]
        words = _words(pattern)
        for word in words:
            child = path[-1].children.get(word)
            if child is None:
                return
            path.append(child)
        path[-1].values.pop(value, None)
        for parent, word in zip(reversed(path[:-1]), reversed(words), strict=True):
            child = parent.children[word]
            if child.children or child.values:
                return
            del parent.children[word]

    def match(self, key: str) -> list[T]:
        words = _words(key)
        found: dict[T, None] = {}
        seen: set[tuple[int, int]] = set()
        pending: list[tuple[_Node[T], int]] = [(self._root, 0)]
        while pending:
            node, at = pending.pop()
            if (id(node), at) in seen:
                continue
            seen.add((id(node), at))
            if at == len(words):
                found.update(node.values)
            rest = node.children.get("#")
            if rest is not None:
                pending.extend((rest, skipped) for skipped in range(at, len(words) + 1))
            if at < len(words):
                for word in {words[at], "*"} - {"#"}:
                    child = node.children.get(word)
                    if child is not None:
                        pending.append((child, at + 1))
        return list(found)


def _words(text: str) -> list[str]:
    """An empty key has no words, so `*` does not match it (as in RabbitMQ)."""
    return text.split(".") if text else []
