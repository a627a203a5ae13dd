"""Serves the terminal UI to browsers with textual-serve: one client process for each visitor, which ends with the visit.

What textual-serve leaves open is closed here. Any page in the same browser may connect to a local web socket, so requests
must carry a host name that is ours and web sockets an origin that is this very server. The page names the host that the
browser asked for, which makes port forwarding work, and loads nothing from elsewhere.
"""

import asyncio
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import quote, urlsplit

import aiohttp_jinja2
from aiohttp import web
from textual_serve.server import Server

from advisor.mistakes import Mistake
from advisor.tui.run_list_rows import find_runs, place_of

LOOPBACK = ("127.0.0.1", "localhost", "::1")
VISITORS_MOST = 8
"""Each visitor is a process of some 60 MiB; a forgotten browser must not fill the machine that trains."""
PARTING_S = 4.0
"""A client that has not ended after so long ends itself when it finds its server gone."""
FONT_LEAST, FONT_USUAL, FONT_MOST = 6, 15, 40
POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
    "script-src 'self' 'nonce-{nonce}'"
)
"""Nothing is loaded from elsewhere, and no other page may put this one into a frame. xterm.js writes styles into the page."""


@dataclass(frozen=True)
class Served:
    """What is served, and to whom."""

    here: Path
    """The working directory that the list of runs is of."""
    run: Path | None = None
    """The only run that is shown; nothing for the list."""
    host: str = LOOPBACK[0]
    port: int = 8000
    control: bool = False
    """Keys may change a run."""


class WebServer(Server):  # type: ignore[misc]  # its package has no types where it is not installed
    """The server of one terminal UI."""

    def __init__(self, served: Served) -> None:
        super().__init__("", host=served.host, port=served.port, templates_path=Path(__file__).parent)
        self.served = served
        self._visits: set[asyncio.Task[object]] = set()

    def serve(self, debug: bool = False) -> None:  # noqa: ARG002  (textual-serve's own signature)
        """Serve until Ctrl-C or SIGTERM; requests are not logged."""
        web.run_app(
            self._make_app(),
            host=self.served.host,
            port=self.served.port,
            print=lambda *_: self._say(),
            shutdown_timeout=PARTING_S,
            access_log=None,
        )

    def _say(self) -> None:
        """Say where it is served, and to whom, as soon as it can be reached."""
        told = "[::1]" if self.served.host == "::1" else self.served.host
        shown = "the run list" if self.served.run is None else self.served.run.name
        keys = "keys may change runs" if self.served.control else "read-only: --control allows keys that change a run"
        print(f"{shown} on http://{told}:{self.served.port} ({keys}); Ctrl-C ends the serving, no run", flush=True)

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing yet: nobody can connect."""

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002
        """End all visits; each client process leaves with its visitor."""
        for visit in self._visits:
            visit.cancel()
        if self._visits:
            await asyncio.wait(self._visits, timeout=PARTING_S)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        app.router.add_get("/visit/{how}/{place:.*}", self.handle_websocket)
        return app

    def _guard(self) -> object:
        """Return what every request passes through first."""
        ours = {name.lower() for name in (*LOOPBACK, self.served.host, socket.gethostname())}
        local = self.served.host in LOOPBACK

        def known(name: str) -> bool:
            return name in ours or (not local and _is_address(name))

        async def guard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            name = _name_of(request.host)
            if not known(name):
                raise web.HTTPForbidden(text=f"this server does not answer to the name {name!r}\n")
            upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
            if upgrade and request.headers.get("Origin", "").lower() not in {
                f"{way}://{request.host.lower()}" for way in ("http", "https")
            }:
                raise web.HTTPForbidden(text="only pages of this server may open its screens\n")
            response = await handler(request)
            if not response.prepared:
                response.headers["Referrer-Policy"] = "no-referrer"
                response.headers["Cache-Control"] = "no-store"
            return response

        return web.middleware(guard)

    async def handle_index(self, request: web.Request) -> web.Response:
        """Return the page of the list, or of the run that `?run=` names."""
        place, how = request.query.get("run", ""), "replay" if request.query.get("how") == "replay" else "open"
        folder = self._folder(place)
        font = request.query.get("fontsize", "")
        size = min(max(int(font), FONT_LEAST), FONT_MOST) if font.isdecimal() else FONT_USUAL
        scheme = "wss" if request.secure else "ws"
        nonce = token_urlsafe(16)
        context = {
            "nonce": nonce,
            "title": folder.name if folder is not None else "runs",
            "socket": f"{scheme}://{request.host}/visit/{how}/{quote(place, safe='')}",
            "font_size": size,
            "again": request.path_qs,
            "list": self.served.run is None and folder is not None,
        }
        page = aiohttp_jinja2.render_template("page.html", request, context)
        page.headers["Content-Security-Policy"] = POLICY.format(nonce=nonce)
        return page

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Start a client for one visitor and stay with it until one of them leaves."""
        if len(self._visits) >= VISITORS_MOST:
            raise web.HTTPServiceUnavailable(text=f"{VISITORS_MOST} screens are open already: close one\n")
        visit = Server(self._command(request))
        visit.download_manager = self.download_manager
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            return await visit.handle_websocket(request)
        finally:
            self._visits.discard(task)

    def _command(self, request: web.Request) -> str:
        """Return the shell's command line of a visitor's client; the shell gives way to it."""
        folder = self._folder(request.match_info.get("place", ""))
        words = [sys.executable, "-P", "-m", "advisor.web.visit", str(self.served.here)]
        words += ["--run", str(folder)] if folder is not None else []
        words += ["--control"] * self.served.control
        words += ["--replay"] * (request.match_info.get("how") == "replay")
        return f"exec {shlex.join(words)}"

    def _folder(self, place: str) -> Path | None:
        """Return the run that is asked for: one of the list's, never a path of the visitor's own."""
        if self.served.run is not None:
            return self.served.run
        if not place:
            return None
        found = {place_of(folder, self.served.here): folder for folder in find_runs(self.served.here)}
        if place not in found:
            raise web.HTTPNotFound(text=f"no run {place!r} here\n")
        return found[place]


def serve(served: Served) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code.

    Raises:
        Mistake: when the address cannot be had.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(served.host, served.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as failed:
        why = failed.strerror or str(failed)
        raise Mistake(f"{served.host}:{served.port} cannot be had ({why}): choose another --port or --host") from None
    WebServer(served).serve()
    return 0


def _name_of(host: str) -> str:
    """Return the name in a Host header, in small letters, without its port; nothing where there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets around what is no address
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
