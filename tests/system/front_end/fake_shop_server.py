"""
The fake back services as one process with a port for each: `python fake_shop_server.py FAKE_SHOP_FILE`.

Prints one JSON line, `{"catalogue": url, …}`, when all of them listen. `PUT /payment {"is": "away"}` on the orders port
changes how payment behaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import socket
import sys

import uvicorn

NAMES = ("catalogue", "carts", "orders", "user")


async def serve() -> None:
    spec = importlib.util.spec_from_file_location("fake_shop", sys.argv[1])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_shop"] = module
    spec.loader.exec_module(module)
    shop = module.FakeShop()
    listeners = {}
    for name in NAMES:
        listeners[name] = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listeners[name].bind(("127.0.0.1", 0))
        listeners[name].listen()
        shop.ports[listeners[name].getsockname()[1]] = name
    urls = {name: f"http://127.0.0.1:{listener.getsockname()[1]}" for name, listener in listeners.items()}
    shop.user_url = urls["user"]
    config = uvicorn.Config(shop, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    print(json.dumps(urls), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        await uvicorn.Server(config).serve(sockets=list(listeners.values()))


asyncio.run(serve())
