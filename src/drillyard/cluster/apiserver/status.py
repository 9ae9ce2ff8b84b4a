"""
Refusals, in the words and the shape of a real API server: kubectl prints them, clients branch on `reason`, `details`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.resources import Resource

_CAUSES = {
    "Required value": "FieldValueRequired",
    "Invalid value": "FieldValueInvalid",
    "Duplicate value": "FieldValueDuplicate",
    "Unsupported value": "FieldValueNotSupported",
    "Forbidden": "FieldValueForbidden",
    "Not found": "FieldValueNotFound",
    "Too long": "FieldValueTooLong",
}


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong with an object: `field` is a path, `message` starts with one of the kinds above."""

    field: str
    message: str

    @property
    def reason(self) -> str:
        return _CAUSES[self.message.split(":", 1)[0]]


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, "Required value" + (f": {detail}" if detail else ""))


def invalid_value(field: str, value: Any, detail: str) -> Cause:
    return Cause(field, f"Invalid value: {orjson.dumps(value).decode()}: {detail}")


def unsupported(field: str, value: Any, supported: Sequence[str]) -> Cause:
    values = ", ".join(f'"{item}"' for item in supported)
    return Cause(field, f"Unsupported value: {orjson.dumps(value).decode()}: supported values: {values}")


def duplicate(field: str, value: Any) -> Cause:
    return Cause(field, f"Duplicate value: {orjson.dumps(value).decode()}")


def forbidden_field(field: str, detail: str) -> Cause:
    return Cause(field, f"Forbidden: {detail}")


def _details(resource: Resource, name: str, **more: Any) -> Object:
    return {"name": name, **({"group": resource.group} if resource.group else {}), "kind": resource.plural, **more}


def not_found(resource: Resource, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', _details(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> ApiError:
    why = why or ("the object has been modified; please apply your changes to the latest version and try again")
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(resource, name))


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 for the kind (`Deployment`, `Scale`, `PatchOptions`) with every cause."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    what = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    details: Object = {
        **({"name": name} if name else {}),
        **({"group": group} if group else {}),
        "kind": kind,
        "causes": [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes],
    }
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {what}', details)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    shown = f' "{name}"' if name else ""
    details = _details(resource, name)
    if not name:
        del details["name"]
    return ApiError(403, "Forbidden", f"{resource.qualified}{shown} is forbidden: {why}", details)


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def unsupported_media_type() -> ApiError:
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def not_acceptable(supported: str) -> ApiError:
    message = f"only the following media types are accepted: {supported}"
    return ApiError(406, "NotAcceptable", message, {})


def expired(asked: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def version_too_large(asked: int, current: int) -> ApiError:
    message = f"Too large resource version: {asked}, current: {current}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


def status_of(refusal: ApiError) -> Object:
    """The Status object (meta/v1) that says it."""
    status: Object = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": refusal.metadata,
        "status": "Failure",
        "message": refusal.message,
        "reason": refusal.reason,
    }
    if refusal.details is not None:
        status["details"] = refusal.details
    status["code"] = refusal.status
    return status
