"""Health checks, each 200 with `ok` or 503 with the reason (https://www.rabbitmq.com/docs/monitoring#health-checks)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.management import describe
from drillyard.broker.management.app import Call, part, refuse

_OTHER_NAMES = {"amqp091": "amqp", "amqp0.9.1": "amqp", "amqp0-9-1": "amqp"}


def _failed(reason: str, **about: object) -> Response:
    return JSONResponse({"status": "failed", "reason": reason, **about}, 503)


async def alarms(broker: Broker, request: Request) -> Response:
    """200 while nothing is wrong, 503 with the reason while publishers are held back."""
    if not broker.alarms.on:
        return JSONResponse({"status": "ok"})
    resource = "memory" if broker.alarms.memory else "disk"
    return _failed("alarms are in effect", alarms=[{"node": describe.NODE, "resource": resource}])


async def port_listener(broker: Broker, request: Request) -> Response:
    text = part(request, "port")
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise refuse(400, "bad_request", "The port must be a number")
    port, ports = int(text), list(broker.ports.values())
    if port not in ports:
        return _failed("No active listener", missing=port, ports=ports)
    return JSONResponse({"status": "ok", "port": port})


async def protocol_listener(broker: Broker, request: Request) -> Response:
    asked = part(request, "protocol")
    if _OTHER_NAMES.get(asked.lower(), asked) not in broker.ports:
        return _failed("No active listener", missing=asked, protocols=list(broker.ports))
    return JSONResponse({"status": "ok", "protocol": asked})


async def alive(broker: Broker, request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def not_critical(broker: Broker, request: Request) -> Response:
    """Nothing is mirrored, and no node is one of several."""
    return JSONResponse({"status": "ok", "reason": "single node cluster"})


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/health/checks/alarms", alarms),
    ("GET", "/api/health/checks/local-alarms", alarms),
    ("GET", "/api/health/checks/certificate-expiration/{within}/{unit}", alive),
    ("GET", "/api/health/checks/port-listener/{port}", port_listener),
    ("GET", "/api/health/checks/protocol-listener/{protocol}", protocol_listener),
    ("GET", "/api/health/checks/virtual-hosts", alive),
    ("GET", "/api/health/checks/node-is-mirror-sync-critical", not_critical),
    ("GET", "/api/health/checks/node-is-quorum-critical", not_critical),
    ("GET", "/api/healthchecks/node", alarms),
    ("GET", "/api/healthchecks/node/{name}", alarms),
    ("GET", "/api/aliveness-test/{vhost}", alive),
]
