"""What servers know a workspace by, where a client registers at each of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import Session

from oncue.accounts.models import RegisteredApp
from oncue.accounts.vault import Tampered, Vault, key_id_of
from oncue.connectors.grants import App
from oncue.db.sealed import Place, place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The server that is to know a workspace."""

    workspace_id: UUID
    platform: str
    server: str


def newest(session: Session, vault: Vault, where: Where, redirect_uri: str) -> App | None:
    """Who we are there, for people who are to come back to this address."""
    row = session.scalar(
        select(RegisteredApp)
        .where(*_there(where), RegisteredApp.redirect_uri == redirect_uri)
        .order_by(RegisteredApp.created_at.desc(), RegisteredApp.client_id)
        .limit(1)
    )
    return None if row is None else _opened(vault, row)


def named(session: Session, vault: Vault, where: Where, client_id: str) -> App | None:
    """Who we are there under this name."""
    row = session.scalar(
        select(RegisteredApp).where(*_there(where), RegisteredApp.client_id == client_id)
    )
    return None if row is None else _opened(vault, row)


def keep(
    session: Session, vault: Vault, where: Where, redirect_uri: str, app: App, now: datetime
) -> None:
    """Remember who we are there."""
    forget(session, where, app.client_id)  # a server may hand out a name again
    sealed = vault.seal(app.secret, _place(where, app.client_id))
    session.execute(
        insert(RegisteredApp).values(
            workspace_id=where.workspace_id,
            platform=where.platform,
            server=where.server,
            client_id=app.client_id,
            redirect_uri=redirect_uri,
            sealed=sealed,
            key_id=key_id_of(sealed),
            created_at=now,
        )
    )


def forget(session: Session, where: Where, client_id: str) -> None:
    """The server does not know us by this name any more."""
    session.execute(
        delete(RegisteredApp).where(*_there(where), RegisteredApp.client_id == client_id)
    )


def _opened(vault: Vault, row: RegisteredApp) -> App | None:
    where = Where(workspace_id=row.workspace_id, platform=row.platform, server=row.server)
    try:
        secret = vault.open(row.sealed, _place(where, row.client_id))
    except Tampered:
        return None
    return App(client_id=row.client_id, secret=secret)


def _there(where: Where) -> tuple[ColumnElement[bool], ...]:
    return (
        RegisteredApp.workspace_id == where.workspace_id,
        RegisteredApp.platform == where.platform,
        RegisteredApp.server == where.server,
    )


def _place(where: Where, client_id: str) -> Place:
    return place_of(
        RegisteredApp.sealed,
        workspace_id=where.workspace_id,
        platform=where.platform,
        server=where.server,
        client_id=client_id,
    )
