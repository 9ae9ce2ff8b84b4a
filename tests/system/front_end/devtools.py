"""
A browser that tests drive: headless Chromium over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).

Every wait has a limit; whatever a page logs as an error or throws is kept, and so is every request that it makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

WAIT_S = 15.0
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)


class NavigatedAwayError(Exception):
    """The page that was asked is gone; another is on its way."""


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, base_url: str) -> None:
        self._socket = socket
        self._base_url = base_url
        self._count = 0
        self.complaints: list[str] = []
        self.requested: list[str] = []

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        number = self._count
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(WAIT_S):
            while True:
                message = json.loads((await self._socket.receive()).data)
                self._note(message)
                if message.get("id") == number:
                    if "error" in message:
                        raise NavigatedAwayError(message["error"])
                    result: dict[str, Any] = message["result"]
                    return result

    async def open(self, path: str) -> None:
        await self.command("Page.navigate", url=self._base_url + path)
        await self.until("document.readyState === 'complete'")

    async def run(self, expression: str) -> Any:
        """The value of an expression, awaited when it is a promise."""
        answer = await self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until an expression holds, through navigations."""
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(NavigatedAwayError):
                    question = f"Boolean({expression})"
                    answer = await self.command("Runtime.evaluate", expression=question, returnByValue=True)
                    if answer["result"].get("value"):
                        return
                await asyncio.sleep(0.03)

    async def click(self, text: str) -> None:
        """Clicks the visible link or button with this text, once it is there."""
        find = (
            "[...document.querySelectorAll('a, button')]"
            f".find((e) => e.innerText.trim() === {json.dumps(text)} && e.offsetParent !== null)"
        )
        await self.until(find)
        with contextlib.suppress(NavigatedAwayError):
            await self.run(f"{find}.click()")

    async def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            await self.until(f"document.getElementById('{name}')?.offsetParent")
            await self.run(f"document.getElementById('{name}').value = {json.dumps(value)}")

    async def shows(self, text: str) -> None:
        """Waits until a text can be read on the page."""
        await self.until(f"document.body?.innerText.includes({json.dumps(text)})")

    async def text(self) -> str:
        return str(await self.run("document.body.innerText"))

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and parameters["entry"]["source"] == "security":
            self.complaints.append(parameters["entry"]["text"])
        elif message.get("method") == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])


@contextlib.asynccontextmanager
async def browser(base_url: str, profile: Path) -> AsyncIterator[Page]:
    """A fresh Chromium with one tab."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                tabs = await answer.json()
            url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as socket:
                page = Page(socket, base_url)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await page.command(f"{domain}.enable")
                yield page
    finally:
        process.terminate()
        try:
            async with asyncio.timeout(WAIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _port(announcement: Path) -> int:
    async with asyncio.timeout(WAIT_S):
        while not announcement.exists() or not announcement.read_text():
            await asyncio.sleep(0.05)
    return int(announcement.read_text().splitlines()[0])
