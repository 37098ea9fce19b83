"""For operators and their machines: liveness, readiness, metrics. No key, nothing secret."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from oncue.api.deps import Shared
from oncue.posts.models import Destination

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
    """This process's counts, and the queue's depth now."""
    now = shared.now()

    def count_due(session: Session) -> int:
        due = select(func.count()).select_from(Destination).where(Destination.run_at <= now)
        return int(session.scalar(due) or 0)

    shared.metrics.due.set(await shared.db.read(count_due))
    shared.metrics.queue_depth.set(await shared.engine.depth())
    return Response(generate_latest(shared.metrics.registry), media_type=CONTENT_TYPE_LATEST)
