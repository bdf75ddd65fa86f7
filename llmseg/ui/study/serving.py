"""The server of a study: Gradio for the two pages, plain routes for everything they do."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from llmseg.case import InputError
from llmseg.ui import looks, viewer
from llmseg.ui.early import calm
from llmseg.ui.study import operator, reader
from llmseg.ui.study.desk import Desk
from llmseg.ui.study.routes import add_routes

HERE = Path(__file__).parent
TITLE = "llmseg reader study"
CLOSED = "/gradio_api"
OPEN = ("/gradio_api/startup-events", "/gradio_api/heartbeat/", "/gradio_api/app_id")
"""What Gradio's own page asks for; the rest of its interface (events, uploads, files) has no use here and is closed."""
IDLE_SECONDS = 75
"""How long a connection stays open while a reader thinks."""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def build(desk: Desk) -> FastAPI:
    """The app of one study, for any ASGI server."""
    # Gradio keeps uploads there; nothing is uploaded, and what lies in /tmp/gradio belongs to others.
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="llmseg-study-page-"))
    app = FastAPI(title=TITLE, docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, desk)

    @app.middleware("http")
    async def guarded(request: Request, proceed) -> Response:
        path = request.url.path
        if CLOSED in path and not path.removeprefix("/operator").startswith(OPEN):
            return Response(status_code=404)
        response = await proceed(request)
        if path.startswith(("/reading/", "/operating/")) or path in ("/", "/operator", "/operator/"):
            response.headers.update(HEADERS)
        return response

    @app.get("/operator")
    def operators() -> Response:
        return RedirectResponse("operator/")

    # Each page by itself, so that none knows of the other; the deeper path first, or the other would take it.
    for path, page in (("/operator", operator.page), ("/", reader.page)):
        with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as demo:
            page()
        app = gr.mount_gradio_app(app, demo, path=path, **mount_options())
    return app


def mount_options() -> dict[str, object]:
    """As `app.launch_options`: looks, and nothing that reports, records or takes files."""
    styles = ((viewer.HERE / "page.css"), HERE / "study.css")
    css = "\n".join(path.read_text(encoding="utf-8") for path in styles)
    dark = (HERE / "dark.js").read_text(encoding="utf-8")
    return {
        "theme": looks.theme(),
        "head": f"<style>{css}</style><script>{dark}</script>",
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "max_file_size": 1,
        "allowed_paths": [],
        "show_error": False,
        "app_kwargs": {"docs_url": None, "redoc_url": None, "openapi_url": None, "middleware": calm()},
    }


def serve(desk: Desk, host: str, port: int, announce: Callable[[], None]) -> None:
    """Serve a study until the process ends.

    Args:
        announce: called once the address is this server's.
    Raises:
        InputError: the address cannot be had.
    """
    import uvicorn

    quiet = {"log_level": "warning", "access_log": False, "server_header": False}
    config = uvicorn.Config(build(desk), host, port, timeout_keep_alive=IDLE_SECONDS, **quiet)
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be served on ({error.strerror}). Choose another --port, or --host."
        ) from error
    announce()
    uvicorn.Server(config).run(sockets=[listening])
