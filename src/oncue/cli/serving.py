"""oncue serve, worker and sandbox: the processes that run until they are told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
from aiohttp import web
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from oncue.api.app import create_app
from oncue.cli.common import console, settings
from oncue.cli.doctor_checks import data_folder, secret_keys
from oncue.cli.findings import Level
from oncue.lib import logs
from oncue.runtime import CannotStart, Runtime, runtime, sole_worker
from oncue.sandbox.app import create_app as create_sandbox
from oncue.sandbox.ledger import Ledger
from oncue.settings import DEFAULT_PORT, Settings

SANDBOX_PORT: Final = 8090
HEADER_MILLISECONDS: Final = 10_000
BUFFER_BYTES: Final = 64 * 1024
BACKPRESSURE: Final = 512
LISTENING_SECONDS: Final = 0.01

log = structlog.get_logger()

Host = Annotated[str, typer.Option(help="Address to listen on.")]
SandboxPort = Annotated[int, typer.Option("--sandbox-port", help="Port of the sandbox.")]


def serve(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = DEFAULT_PORT,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Publish to simulated networks, served beside.")
    ] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Serve the API only; workers publish.")
    ] = False,
    sandbox_port: SandboxPort = SANDBOX_PORT,
) -> None:
    """Serve the API, and publish."""
    current = settings()
    logs.configure(current.log_level)
    if not current.public_url:
        current = replace(current, public_url=f"http://127.0.0.1:{port}")
    if sandbox:
        current = replace(current, sandbox_url=f"http://127.0.0.1:{sandbox_port}")
    asyncio.run(
        _serve(
            current,
            host,
            port,
            publishes=not no_worker,
            sandbox_port=sandbox_port if sandbox else None,
        )
    )


def worker() -> None:
    """Publish, beside other processes, from a PostgreSQL database."""
    current = settings()
    logs.configure(current.log_level)
    if current.is_sqlite:
        raise CannotStart(
            "`oncue worker` needs PostgreSQL: set ONCUE_DATABASE_URL. On SQLite the one process "
            "of `oncue serve` publishes."
        )
    asyncio.run(_work(current))


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = SANDBOX_PORT,
    ledger: Annotated[
        Path | None, typer.Option(help="File of what the networks accepted; memory if left out.")
    ] = None,
    host: Host = "127.0.0.1",
) -> None:
    """Serve the simulated networks alone."""
    logs.configure(settings().log_level)

    async def run() -> None:
        async with simulated(host, port, ledger):
            console.print(f"Sandbox on http://{host}:{port}")
            await stop_signal()

    asyncio.run(run())


async def _serve(
    current: Settings, host: str, port: int, *, publishes: bool, sandbox_port: int | None
) -> None:
    stop = asyncio.create_task(stop_signal())
    ledger = current.data_dir / "sandbox-ledger.jsonl"
    async with (
        _maybe_simulated(sandbox_port, ledger),
        served(current, host, port, publishes=publishes) as (made, serving),
    ):
        console.print(f"Oncue on http://{host}:{port}")
        if sandbox_port is not None:
            console.print(f"Sandbox on http://127.0.0.1:{sandbox_port}")
        await _until_over(made, stop, serving)


@asynccontextmanager
async def served(
    current: Settings, host: str, port: int, *, publishes: bool = True
) -> AsyncIterator[tuple[Runtime, "asyncio.Task[None]"]]:
    """The API, for as long as the block lasts; unless told otherwise, publishing too.

    The task ends early only where the server could not go on. Raises CannotStart.
    """
    with (sole_worker(current) if publishes else None) or nullcontext():
        async with runtime(current) as made:
            _tell_what_is_found(current)
            if publishes:
                await made.worker.start()
            server = _server(made, host, port)
            serving = asyncio.create_task(server.serve())
            try:
                await _listening(serving, host, port)
                yield made, serving
            finally:
                server.stop()  # type: ignore[no-untyped-call]  # Granian does not type it
                await asyncio.gather(serving, return_exceptions=True)
                if publishes:
                    await made.worker.stop()


def _tell_what_is_found(current: Settings) -> None:
    """Say what the doctor would say of the folder and the keys: few ask it before something is."""
    for finding in (data_folder(current), secret_keys(current)):
        if finding.level is not Level.OK:
            facts = {"finding": finding.words, "advice": finding.advice}
            log.warning("found_at_start", what=finding.name, **facts)


async def _listening(serving: "asyncio.Task[None]", host: str, port: int) -> None:
    """Return once the server takes connections; raises CannotStart where it never will."""
    while True:
        await asyncio.sleep(LISTENING_SECONDS)
        if serving.done():
            reason = str(serving.exception()).partition("\n")[0]
            raise CannotStart(f"Cannot listen on {host}:{port}: {reason}")
        with suppress(OSError):
            _reader, writer = await asyncio.open_connection(host, port)
            writer.close()
            return


def _server(made: Runtime, host: str, port: int) -> Server:
    return Server(
        create_app(made.services),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,  # it warns at every start that embedding is new
        backpressure=BACKPRESSURE,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_MILLISECONDS, max_buffer_size=BUFFER_BYTES
        ),
    )


async def _work(current: Settings) -> None:
    stop = asyncio.create_task(stop_signal())
    async with runtime(current) as made:
        _tell_what_is_found(current)
        await made.worker.start()
        console.print("Publishing.")
        await _until_over(made, stop)
        await made.worker.stop()


async def _until_over(
    made: Runtime, stop: "asyncio.Task[None]", *services: "asyncio.Task[None]"
) -> None:
    """Wait for a signal; raises CannotStart where something ends that should not."""
    engine = asyncio.create_task(made.worker.failed()) if made.worker.is_running else None
    await asyncio.wait(
        [stop, *services, *([engine] if engine else [])], return_when=asyncio.FIRST_COMPLETED
    )
    if engine is not None:
        engine.cancel()
    if not stop.done():
        raise CannotStart("A part of the server has stopped by itself; the log says why.")


@asynccontextmanager
async def simulated(host: str, port: int, ledger: Path | None) -> AsyncIterator[None]:
    """The simulated networks, for as long as the block lasts."""
    kept = Ledger(ledger)
    runner = web.AppRunner(create_sandbox(kept, base_url=f"http://{host}:{port}"), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
        kept.close()


@asynccontextmanager
async def _maybe_simulated(port: int | None, ledger: Path) -> AsyncIterator[None]:
    if port is None:
        yield
        return
    async with simulated("127.0.0.1", port, ledger):
        yield


async def stop_signal() -> None:
    """Return when the process is asked to stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    log.info("stopping")
