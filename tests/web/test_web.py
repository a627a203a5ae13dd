"""`advisor web`: who may look, what a visitor is shown, and that nothing of ours is left behind."""

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from advisor.cli import run as command
from advisor.driving.lease import Lease
from advisor.runs import Run
from tests.tui.recording import record

needs_the_extra = pytest.mark.skipif(
    importlib.util.find_spec("textual_serve") is None, reason="the extra web is not installed"
)
PATIENCE_S = 60.0


class Serving:
    """An `advisor web` in a process of its own."""

    def __init__(self, here: Path, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "advisor.cli", "web", *arguments, "--port", str(self.port)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=here, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        self.url = f"http://127.0.0.1:{self.port}"

    def clients(self) -> list[psutil.Process]:
        """Return the processes of its visitors."""
        return [one for one in psutil.Process(self.process.pid).children(recursive=True) if one.is_running()]

    def end(self) -> None:
        """Stop it, and whatever it has left."""
        for one in [*self.clients(), psutil.Process(self.process.pid)] if self.process.poll() is None else []:
            one.kill()
        self.process.wait(20)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Run]:
    """Return a run that seems to be going on: whoever holds its lease drives it."""
    run = record(tmp_path / "runs" / "digits", "healthy")
    lease = Lease(run)
    yield run
    lease.release()


@pytest.fixture
def serve(tmp_path: Path, live: Run) -> Iterator[Callable[..., Serving]]:
    """Return a function that serves the folder of the live run."""
    begun: list[Serving] = []

    def start(*arguments: str) -> Serving:
        begun.append(Serving(tmp_path, *arguments))
        return begun[-1]

    yield start
    for one in begun:
        one.end()


def files(run: Run) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


async def answered(here: Path, served_as: str, headers: dict[str, str]) -> int:
    """Return the status of a request that gets past the guard, or does not."""
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    from advisor.web.server import Served, WebServer

    async def found(_: web.Request) -> web.StreamResponse:
        return web.Response()

    guard: Any = WebServer(Served(here, host=served_as))._guard()
    try:
        return int((await guard(make_mocked_request("GET", "/", headers), found)).status)
    except web.HTTPException as refused:
        return int(refused.status)


async def gone(processes: list[psutil.Process]) -> bool:
    """Wait until all these have ended."""
    deadline = time.monotonic() + 20
    while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


async def visit(session: Any, serving: Serving, path: str) -> Any:
    """Connect as the page does."""
    return await session.ws_connect(
        f"{serving.url}/visit/open/{path}?width=100&height=30", headers={"Origin": serving.url}
    )


async def shown(screen: Any, word: str) -> bool:
    """Read a visitor's screen until a word comes by."""
    said = b""
    deadline = time.monotonic() + PATIENCE_S
    while word.encode() not in said and time.monotonic() < deadline:
        message = await screen.receive(timeout=PATIENCE_S)
        if isinstance(message.data, bytes):
            said += message.data
        elif message.data is None or isinstance(message.data, int):
            break
    return word.encode() in said


def test_without_its_extra_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert command(["web"]) == 2
    assert capsys.readouterr().err == (
        "advisor: the browser needs textual-serve: pip install 'training-advisor[web]'\n"
    )


@pytest.mark.parametrize("arguments", [["none"], ["."], ["--port", "0"], ["--port", "x"]])
def test_a_mistake_is_one_line(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["web", *(str(tmp_path) if one == "." else one for one in arguments)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@needs_the_extra
def test_an_address_that_cannot_be_had_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert command(["web", "--port", str(port)]) == 2
    assert f"127.0.0.1:{port} cannot be had" in capsys.readouterr().err
    assert command(["web", "--host", "no such host"]) == 2
    assert "cannot be had" in capsys.readouterr().err.splitlines()[-1]


@needs_the_extra
@pytest.mark.parametrize(
    ("host", "served_as", "status"),
    [
        ("LocalHost:8000", "127.0.0.1", 200),
        ("gpu-box:8000", "GPU-Box", 200),
        ("GPU-BOX", "GPU-Box", 200),
        ("[::1]:8000", "127.0.0.1", 200),
        ("[", "127.0.0.1", 403),
        ("[::1", "127.0.0.1", 403),
        ("", "127.0.0.1", 403),
        ("Evil.example", "127.0.0.1", 403),
    ],
)
async def test_a_name_is_ours_in_any_letters_and_what_is_no_name_is_refused(
    host: str, served_as: str, status: int, tmp_path: Path
) -> None:
    assert await answered(tmp_path, served_as, {"Host": host}) == status


@needs_the_extra
@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:8000", 200), ("https://localhost:8000", 200), ("http://[", 403), ("null", 403), ("", 403)],
)
async def test_only_an_origin_of_this_server_opens_a_screen(origin: str, status: int, tmp_path: Path) -> None:
    asked = {"Host": "localhost:8000", "Origin": origin, "Upgrade": "websocket"}
    assert await answered(tmp_path, "127.0.0.1", asked) == status


@needs_the_extra
@pytest.mark.slow
async def test_only_our_own_pages_under_our_own_name_are_answered(serve: Callable[..., Serving]) -> None:
    from aiohttp import ClientSession, WSServerHandshakeError

    serving = serve()
    async with ClientSession() as session:
        async with session.get(serving.url) as page:
            text = await page.text()
            policy = page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert text.count("http") == 0
        for path, host, status in (
            ("/", "evil.example", 403),
            ("/static/js/textual.js", "evil.example", 403),
            ("/?run=../../etc", "localhost", 404),
            ("/?run=runs/digits", f"localhost:{serving.port + 1}", 200),
        ):
            async with session.get(serving.url + path, headers={"Host": host}) as answered:
                assert answered.status == status, path
        for origin in ("http://evil.example", f"http://127.0.0.1:{serving.port + 1}", ""):
            with pytest.raises(WSServerHandshakeError, match="403"):
                await session.ws_connect(f"{serving.url}/visit/open/", headers={"Origin": origin})
    assert serving.clients() == []


@needs_the_extra
@pytest.mark.slow
async def test_two_visitors_look_on_and_each_ones_client_ends_with_the_visit(
    serve: Callable[..., Serving], live: Run
) -> None:
    from aiohttp import ClientSession

    serving, before = serve(), files(live)
    assert "read-only" in serving.said
    async with ClientSession() as session:
        first = await visit(session, serving, "")
        assert await shown(first, "stalled")
        second = await visit(session, serving, "runs%2Fdigits")
        assert await shown(second, "read-only")
        both = serving.clients()
        assert len(both) == 2
        await second.send_json(["stdin", "s"])
        await first.close()
        assert await gone([one for one in both if "--run" not in one.cmdline()])
        assert [one.pid for one in serving.clients()] == [one.pid for one in both if one.is_running()]
        await second.close()
        assert await gone(both)
    assert serving.process.poll() is None
    assert files(live) == before


@needs_the_extra
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_ends_takes_its_clients_along_and_leaves_the_run(
    serve: Callable[..., Serving], live: Run, number: signal.Signals
) -> None:
    from aiohttp import ClientSession

    serving, before = serve("runs/digits"), files(live)
    async with ClientSession() as session:
        screen = await visit(session, serving, "")
        assert await shown(screen, "read-only")
        clients = serving.clients()
        assert len(clients) == 1
        reading = asyncio.create_task(shown(screen, "its end"))
        os.kill(serving.process.pid, number)
        assert await gone([*clients, psutil.Process(serving.process.pid)])
        assert not await reading
    assert files(live) == before


@needs_the_extra
@pytest.mark.slow
async def test_with_control_the_first_visitor_may_press_keys_and_the_second_may_not(
    serve: Callable[..., Serving], live: Run
) -> None:
    from aiohttp import ClientSession

    serving = serve("runs/digits", "--control")
    async with ClientSession() as session:
        first = await visit(session, serving, "")
        assert await shown(first, "detach")
        second = await visit(session, serving, "")
        assert await shown(second, "read-only")
        await first.send_json(["stdin", "f"])
        assert await shown(first, "nothing changes")
        await first.send_json(["stdin", "y"])
        assert await shown(first, "asked the driver")
        await first.close()
        await second.close()
    (wishes,) = live.wishes.iterdir()
    assert '"wish":"freeze"' in wishes.read_text()
