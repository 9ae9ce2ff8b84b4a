"""
Stores that stand elsewhere: a service that was given another one by URL leaves its own without a client.

The yard does not start what nobody uses: a fault on an idle store would break nothing and look as if it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

# Service → the setting that names its store, and the yard's own store.
_STORES = {
    **{service: ("DATABASE_URL", f"{service}-db") for service in ("catalogue", "carts", "orders", "user")},
    "front-end": ("SESSION_REDIS_URL", "session-db"),
}


def stores_elsewhere(settings: Mapping[str, Mapping[str, str]], broker: str) -> frozenset[str]:
    """
    The yard's own stores that are not used: `settings` are service → variable → value, `broker` an AMQP URL or "".

    A URL that still leads to the yard's own (`orders-db`, `orders-db.sock-shop.svc…`) leaves it in use.
    """
    unused = {
        store
        for service, (key, store) in _STORES.items()
        if key in settings.get(service, {}) and _host(settings[service][key]) != store
    }
    return frozenset(unused | {"rabbitmq"} if broker else unused)


def _host(url: str) -> str:
    """The first label of a URL's host; empty for what is no URL (the service itself complains of that)."""
    try:
        return (urlsplit(url).hostname or "").partition(".")[0]
    except ValueError:
        return ""
