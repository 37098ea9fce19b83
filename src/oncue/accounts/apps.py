"""Apps that somebody made at a network by hand: a workspace's own, or else the installation's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from oncue.accounts.models import WorkspaceApp
from oncue.accounts.vault import Tampered, Vault, key_id_of
from oncue.connectors.grants import App
from oncue.connectors.oauth import Authorises, KnownBy
from oncue.connectors.registry import CONNECTORS, spec_of
from oncue.db.database import serialise
from oncue.db.sealed import Place, place_of
from oncue.errors import Invalid, Issue, NotFound
from oncue.settings import PREFIX, Settings

APP_LOCK: Final = 0x6F6E6375 + 17
IN_THE_SANDBOX: Final = App(client_id="oncue", secret="sandbox")  # noqa: S106  (it takes any)


def given(
    session: Session, vault: Vault, settings: Settings, workspace_id: UUID, platform: str
) -> Sequence[App]:
    """The apps we may be at a network, the first choice first.

    A secret that was moved here from another row counts as none.
    """
    found = []
    row = _row(session, workspace_id, platform)
    if row is not None:
        try:
            secret = vault.open(row.sealed, _place(workspace_id, platform))
        except Tampered:
            secret = ""
        found.append(App(client_id=row.client_id, secret=secret))
    if platform in settings.platform_apps:
        client_id, secret = settings.platform_apps[platform]
        found.append(App(client_id=client_id, secret=secret))
    if settings.sandbox_url and platform not in settings.platform_urls:
        found.append(IN_THE_SANDBOX)
    return found


def missing(platform: str) -> str:
    """What to do where there is no app."""
    return f"{spec_of(platform).name} knows no app of ours: {_what_to_set(platform)}"


def refused(platform: str, words: str) -> Invalid:
    """What to tell of an app that the network does not take; `words` are the network's."""
    told = (
        f"{spec_of(platform).name} does not take our app's id and secret ({words}): "
        f"{_what_to_set(platform)}"
    )
    return Invalid([Issue(field="platform", code="APP_REFUSED", message=told)])


def _what_to_set(platform: str) -> str:
    return (
        f"set {PREFIX}{platform}_CLIENT_ID and _CLIENT_SECRET, "
        f"or give this workspace its own with PUT /v1/apps/{platform.lower()}"
    )


def put(
    session: Session, vault: Vault, workspace_id: UUID, platform: str, app: App, now: datetime
) -> WorkspaceApp:
    """Give a workspace its own app. Raises Invalid where the network takes none."""
    check_takes_apps(platform)
    serialise(session, APP_LOCK)  # of two who give it one at once, the second finds the first's
    row = _row(session, workspace_id, platform)
    if row is None:
        row = WorkspaceApp(workspace_id=workspace_id, platform=platform, created_at=now)
        session.add(row)
    row.client_id = app.client_id
    row.sealed = vault.seal(app.secret, _place(workspace_id, platform))
    row.key_id = key_id_of(row.sealed)
    row.updated_at = now
    session.flush()
    return row


def get(session: Session, workspace_id: UUID, platform: str) -> WorkspaceApp:
    """A workspace's own app; raises NotFound."""
    row = _row(session, workspace_id, platform)
    if row is None:
        raise NotFound("app", platform.lower())
    return row


def list_own(session: Session, workspace_id: UUID) -> Sequence[WorkspaceApp]:
    chosen = select(WorkspaceApp).where(WorkspaceApp.workspace_id == workspace_id)
    return session.scalars(chosen.order_by(WorkspaceApp.platform)).all()


def remove(session: Session, workspace_id: UUID, platform: str) -> None:
    """Take a workspace's own app away; raises NotFound."""
    gone = session.execute(
        delete(WorkspaceApp)
        .where(WorkspaceApp.workspace_id == workspace_id, WorkspaceApp.platform == platform)
        .returning(WorkspaceApp.platform)
    ).one_or_none()
    if gone is None:
        raise NotFound("app", platform.lower())


def check_takes_apps(platform: str) -> None:
    """Raise Invalid where a network knows its clients in another way, or has none."""
    connector = CONNECTORS.get(platform)
    if isinstance(connector, Authorises) and connector.oauth.known_by is KnownBy.GIVEN:
        return
    words = f"{spec_of(platform).name} needs no app"
    if connector is None:
        words = f"{spec_of(platform).name} cannot be connected yet"
    raise Invalid([Issue(field="platform", message=words)])


def _row(session: Session, workspace_id: UUID, platform: str) -> WorkspaceApp | None:
    return session.scalar(
        select(WorkspaceApp)
        .where(WorkspaceApp.workspace_id == workspace_id, WorkspaceApp.platform == platform)
        .execution_options(populate_existing=True)
    )


def _place(workspace_id: UUID, platform: str) -> Place:
    return place_of(WorkspaceApp.sealed, workspace_id=workspace_id, platform=platform)
