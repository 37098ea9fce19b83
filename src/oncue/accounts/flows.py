"""People who were sent to a network's page: what is remembered of them until they come back.

Plain functions of a session. The state that goes to the page and comes back is good once, for
ten minutes; only its digest is kept, and with it alone can the row be found.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from oncue.accounts.models import OAuthFlow
from oncue.accounts.vault import Tampered, Vault, key_id_of
from oncue.connectors.base import Secrets
from oncue.db.sealed import Place, place_of
from oncue.errors import Invalid, Issue

LIVES: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Somebody's way to a network's page and back.

    `kept` is what a grant is laid over: who we are, where it is renewed, the key it is bound to.
    """

    workspace_id: UUID
    platform: str
    server: str
    redirect_uri: str
    verifier: str = field(repr=False)
    kept: Secrets = field(repr=False)


def keep(session: Session, vault: Vault, state: str, flow: Flow, now: datetime) -> None:
    """Remember somebody who is about to be sent away."""
    digest = _digest(state)
    secret = json.dumps({"verifier": flow.verifier, "kept": dict(flow.kept)})
    sealed = vault.seal(secret, _place(flow.workspace_id, digest))
    session.execute(
        insert(OAuthFlow).values(
            state=digest,
            workspace_id=flow.workspace_id,
            platform=flow.platform,
            server=flow.server,
            redirect_uri=flow.redirect_uri,
            sealed=sealed,
            key_id=key_id_of(sealed),
            created_at=now,
            expires_at=now + LIVES,
        )
    )


def use(
    session: Session,
    vault: Vault,
    state: str,
    now: datetime,
    *,
    workspace_id: UUID | None = None,
    platform: str | None = None,
    came_to: Collection[str] = (),
) -> Flow:
    """Let somebody back in, once. With a workspace or a platform, only into these; with
    addresses, only who was to come back to one of them.

    Raises Invalid, in the same words whatever is wrong with the state.
    """  # noqa: D205
    digest = _digest(state)
    asked = [
        OAuthFlow.state == digest,
        OAuthFlow.used_at.is_(None),
        OAuthFlow.expires_at > now,
    ]
    if workspace_id is not None:
        asked.append(OAuthFlow.workspace_id == workspace_id)
    if platform is not None:
        asked.append(OAuthFlow.platform == platform)
    if came_to:
        asked.append(OAuthFlow.redirect_uri.in_(came_to))
    row = session.scalar(
        update(OAuthFlow)
        .where(*asked)
        .values(used_at=now)
        .returning(OAuthFlow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if row is None:
        raise unknown_state()
    try:
        secret = json.loads(vault.open(row.sealed, _place(row.workspace_id, digest)))
    except Tampered:
        raise unknown_state() from None
    return Flow(
        workspace_id=row.workspace_id,
        platform=row.platform,
        server=row.server,
        redirect_uri=row.redirect_uri,
        verifier=secret["verifier"],
        kept=secret["kept"],
    )


def forget(session: Session, now: datetime, limit: int) -> int:
    """Delete up to `limit` flows whose time is over; how many."""
    old = select(OAuthFlow.state).where(OAuthFlow.expires_at < now).limit(limit)
    gone = session.execute(
        delete(OAuthFlow)
        .where(OAuthFlow.state.in_(old))
        .returning(OAuthFlow.state)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def unknown_state() -> Invalid:
    words = (
        "this way back is unknown here, was used already, or is older than ten minutes; "
        "connect once more"
    )
    return Invalid([Issue(field="state", code="STATE_INVALID", message=words)])


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _place(workspace_id: UUID, digest: str) -> Place:
    return place_of(OAuthFlow.sealed, workspace_id=workspace_id, state=digest)
