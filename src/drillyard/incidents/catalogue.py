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

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.faults import registry
from drillyard.faults.fault import Fault, refuse_fights
from drillyard.incidents import expectation, schema
from drillyard.incidents.schema import Faults, Incident

_FOLDER = Path(__file__).parent
_NOUNS = {
    "extra_forbidden": "is not a key that is known here",
    "missing": "is missing",
}


class IncidentFileError(SettingError):
    """An incident file that cannot be played; the message begins with file and line."""


def all_incidents() -> list[Incident]:
    """The catalogue, by name."""
    return sorted((read(path) for path in _FOLDER.glob("*/incident.yaml")), key=lambda incident: incident.name)


def find(name_or_path: str, method: str | None = None) -> Incident:
    """
    By name, by the documents' number (`incident-3`, the first of its methods unless one is given), or by the path of
    a file of one's own. Raises SettingError with the nearest name, or with the methods that there are.
    """
    if name_or_path.endswith((".yaml", ".yml")):
        found = read(Path(name_or_path))
        return found if method is None else _by_method([found], name_or_path, method)
    incidents = all_incidents()
    numbered = sorted(
        (one for one in incidents if f"incident-{one.number}" == name_or_path), key=lambda one: one.method or ""
    )
    found_by_name = next((one for one in incidents if name_or_path in one.names), None)
    if method is not None and (numbered or found_by_name):
        family = numbered or [one for one in incidents if found_by_name and one.number == found_by_name.number]
        return _by_method(family, name_or_path, method)
    if numbered or found_by_name:
        return numbered[0] if numbered else found_by_name  # type: ignore[return-value]
    names = [name for incident in incidents for name in incident.names]
    near = difflib.get_close_matches(name_or_path, names, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise SettingError(
        f'No incident called "{name_or_path}".', hint=f"{guess}`drill incidents` shows all {len(incidents)}."
    )


def _by_method(family: list[Incident], asked: str, method: str) -> Incident:
    known = {one.method: one for one in family if one.method}
    if method.upper() in known:
        return known[method.upper()]
    hint = f"There are: {', '.join(f'{key} ({known[key].name})' for key in sorted(known))}." if known else None
    raise SettingError(f'{asked} has no method "{method}".', hint=hint or "It is played without --method.")


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


def faults_of(entries: Faults) -> list[Fault]:
    """The faults of one list of an incident, built. Raises DrillyardError as `registry.build` does."""
    return [registry.build(name, data or {}) for entry in entries for name, data in entry.items()]


def _check_faults(path: Path, root: yaml.Node, incident: Incident) -> None:
    taken: dict[str, str] = {}
    for key, entries in (("faults", incident.faults), ("after_load", incident.after_load)):
        for index, entry in enumerate(entries):
            for name, data in entry.items():
                try:
                    fault = registry.build(name, data or {})
                    refuse_fights(fault, taken)
                except DrillyardError as problem:
                    line = _line(root, (key, index, name))
                    raise IncidentFileError(f"{path}:{line}: {problem.message}", hint=problem.hint) from problem
                taken |= dict.fromkeys(fault.touches(), fault.describe())


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
    known = (*vars(schema).values(), *vars(expectation).values())
    return [one for one in known if isinstance(one, type) and hasattr(one, "model_fields")]


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
