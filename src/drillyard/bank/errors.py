"""
Answers of refusal, in Stripe's shape: type, code, param and a message for the developer.

Source: Stripe API reference, "Errors" (https://docs.stripe.com/api/errors) and "Error codes"
(https://docs.stripe.com/error-codes).
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """
    A request that is answered with an error object.

    Nothing that the request began is kept: the ledger rolls its transaction back. A declined card is not one of
    these, for the ledger keeps its failed charge.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        """The JSON answer: `{"error": {...}}`, without the keys that have no value."""
        return error_body(self.message, type=self.type, code=self.code, param=self.param)


def error_body(message: str, *, type: str, code: str | None = None, **extra: Any) -> dict[str, Any]:
    """An error object; `doc_url` follows from the code, and keys whose value is None are left out."""
    error: dict[str, Any] = {}
    if code is not None:
        error["code"] = code
        error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    error["message"] = message
    error.update({name: value for name, value in extra.items() if value is not None})
    error["type"] = type
    return {"error": error}


def no_such(kind: str, identifier: str, param: str = "id", *, status: int = 404) -> Refused:
    """`No such charge: 'ch_x'`: 404 where the path names it, 400 where a parameter does."""
    return Refused(f"No such {kind}: '{identifier}'", status=status, code="resource_missing", param=param)


def unrecognized_url(method: str, path: str) -> Refused:
    """What Stripe answers for a path or a method that it does not have."""
    return Refused(
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove the trailing slash. "
        "If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. "
        "Please see https://stripe.com/docs or we can help at https://support.stripe.com/.",
        status=404,
    )
