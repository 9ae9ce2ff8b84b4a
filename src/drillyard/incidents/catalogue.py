"""
Reads the catalogue: one folder per incident with an `incident.yaml`, checked before anything is started.

Every refusal is one sentence with file and line, because the reader of it is in the middle of writing that file.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from drillyard.base.errors import DrillyardError
from drillyard.faults import registry
from drillyard.faults.fault import Fault
from drillyard.incidents.schema import Incident

_FOLDER = Path(__file__).parent
_NOUNS = {
    "extra_forbidden": "is not a key that is known here",
    "missing": "is missing",
}


class IncidentFileError(DrillyardError):
    """An incident file that cannot be played; the message begins with file and line."""


def all_incidents() -> list[Incident]:
    """The catalogue, by name."""
    return sorted((read(path) for path in _FOLDER.glob("*/incident.yaml")), key=lambda incident: incident.name)


def find(name_or_path: str) -> Incident:
    """By name, by `incident-N`, or by the path of a file of one's own. Raises DrillyardError with the nearest name."""
    if name_or_path.endswith((".yaml", ".yml")):
        return read(Path(name_or_path))
    incidents = all_incidents()
    names = [name for incident in incidents for name in incident.names]
    for incident in incidents:
        if name_or_path in incident.names:
            return incident
    near = difflib.get_close_matches(name_or_path, names, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise DrillyardError(
        f'No incident called "{name_or_path}".', hint=f"{guess}`drill incidents` shows all {len(incidents)}."
    )


def read(path: Path) -> Incident:
    """One incident file, checked. Raises IncidentFileError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise IncidentFileError(f"{path} cannot be read: {getattr(problem, 'strerror', None) or problem}.") from problem
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise IncidentFileError(
            f"{path}:{line}: not YAML: {getattr(problem, 'problem', None) or problem}."
        ) from problem
    if not isinstance(data, dict) or root is None:
        raise IncidentFileError(f"{path}:1: an incident is a mapping with the keys name, title, faults and so on.")
    try:
        incident = Incident.model_validate(data)
    except ValidationError as problem:
        raise IncidentFileError(_sentence(path, root, problem)) from problem
    _check_faults(path, root, incident)
    return incident


def faults_of(incident: Incident) -> list[Fault]:
    """The incident's faults, built. Raises DrillyardError as `registry.build` does."""
    return [registry.build(name, data or {}) for entry in incident.faults for name, data in entry.items()]


def _check_faults(path: Path, root: yaml.Node, incident: Incident) -> None:
    for index, entry in enumerate(incident.faults):
        for name, data in entry.items():
            try:
                registry.build(name, data or {})
            except DrillyardError as problem:
                line = _line(root, ("faults", index, name))
                raise IncidentFileError(f"{path}:{line}: {problem.message}", hint=problem.hint) from problem


def _sentence(path: Path, root: yaml.Node, problem: ValidationError) -> str:
    # An unknown key is the likelier cause of whatever else pydantic found.
    errors = sorted(problem.errors(), key=lambda error: error["type"] != "extra_forbidden")
    first = errors[0]
    where = first["loc"]
    line = _line(root, where)
    key = ".".join(str(part) for part in where)
    if first["type"] in _NOUNS:
        text = f'"{key}" {_NOUNS[first["type"]]}'
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(where[-1]), _known_keys(where), n=1)
            text += f"; did you mean {near[0]}?" if near else ""
    else:
        value = first["input"]
        text = f'"{key}" is {value!r}: {first["msg"].removeprefix("Value error, ")}'
    return f"{path}:{line}: {text}" + ("" if text.endswith("?") else ".")


def _known_keys(where: Sequence[int | str]) -> list[str]:
    model: Any = Incident
    for part in where[:-1]:
        if isinstance(part, int):
            continue
        annotation = str(model.model_fields[part].annotation) if part in model.model_fields else ""
        model = next((one for one in _models() if f".{one.__name__}" in annotation or one.__name__ == part), model)
    return list(model.model_fields)


def _models() -> list[Any]:
    from drillyard.incidents import schema

    return [one for one in vars(schema).values() if isinstance(one, type) and hasattr(one, "model_fields")]


def _line(node: yaml.Node | None, where: Sequence[int | str]) -> int:
    """The line of the deepest part of the path that the file has."""
    line = node.start_mark.line + 1 if node else 1
    for part in where:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
