"""A script that runs before Gradio's own: what is given to Gradio as `head` comes after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.middleware import Middleware

Message = dict[str, Any]
"""What ASGI passes between server and app."""
Receive, Send = Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]

COUNTS_NOTHING = """
// Gradio counts the seconds of whatever waits, in every frame, though this page shows no such count; that of its own
// start never ends. Without a GPU, drawing those frames takes a third of a core, which the model needs.
(() => {
  const ask = window.requestAnimationFrame.bind(window);
  const counts = /performance\\.now\\(\\)\\s*-[^;]*\\/\\s*(1e3|1000)/;
  window.requestAnimationFrame = (callback) => (counts.test(callback) ? 0 : ask(callback));
})();
"""

_MARK, _BEFORE = b"window.gradio_config", b"<head>"
_TYPE, _LENGTH = b"content-type", b"content-length"


class EarlyScript:
    """Middleware that puts a script first in the head of Gradio's pages, and leaves every other answer alone."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]], script: str):
        self._app, self._script = app, f"<script>{script}</script>".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def passed_on(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                held.append(message)  # its length is known only with the body
                return
            if held:
                start, body = held.pop(), message.get("body", b"")
                if _MARK in body:
                    message["body"] = body.replace(_BEFORE, _BEFORE + self._script, 1)
                    start["headers"] = [header for header in start["headers"] if header[0] != _LENGTH]
                    start["headers"].append((_LENGTH, str(len(message["body"])).encode()))
                await send(start)
            await send(message)

        await self._app(scope, receive, passed_on)


def calm() -> list[Middleware]:
    """What makes Gradio's pages draw nothing where nothing changes; goes into `app_kwargs`."""
    return [Middleware(EarlyScript, script=COUNTS_NOTHING)]


def _is_page(start: Message) -> bool:
    return dict(start["headers"]).get(_TYPE, b"").startswith(b"text/html")
