"""For operators and their machines: liveness, readiness, metrics. No key, nothing secret."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from oncue.api.deps import Shared
from oncue.publishing.metrics import backlog

router = APIRouter(tags=["operations"], include_in_schema=False)

ASKED: Final = ["GET", "HEAD"]  # monitors ask with either


@router.api_route("/healthz", methods=ASKED)
async def alive() -> Response:
    """The process answers."""
    return Response("ok\n", media_type="text/plain")


@router.api_route("/readyz", methods=ASKED)
async def ready(shared: Shared) -> Response:
    """The database answers too."""
    await shared.db.read(lambda session: session.execute(text("SELECT 1")).one())
    return Response("ready\n", media_type="text/plain")


@router.get("/metrics")
async def metrics(shared: Shared) -> Response:
    """This process's counts, and what waits now."""
    now = shared.now()
    shared.metrics.saw(await shared.db.read(lambda session: backlog(session, now)))
    shared.metrics.queue_depth.set(await shared.engine.depth())
    return Response(generate_latest(shared.metrics.registry), media_type=CONTENT_TYPE_LATEST)
