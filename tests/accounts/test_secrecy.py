"""Whatever is published, no credential is left anywhere in clear."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from browser import allow, begin, hand_in, secrets_of
from installation import Installation
from oncue.db.base import Base
from oncue.sandbox.identities import USERS

pytestmark = pytest.mark.anyio


def everything(session: Session) -> str:
    """All that the database holds, as one text."""
    rows = [
        repr(row)
        for table in Base.metadata.sorted_tables
        for row in session.execute(select(table)).all()
    ]
    return "\n".join(rows)


async def test_no_credential_is_kept_in_clear_by_a_publication_that_goes_well_or_badly(
    installation: Installation,
) -> None:
    await installation.publish(*USERS)
    for kind in ("reject", "revoked_token", "accept_then_500"):
        await installation.fault(kind=kind, times=4)
        await installation.publish(*USERS, content=f"Despite {kind}")

    kept = await installation.db.read(everything)

    credentials = {
        value
        for platform in USERS
        for name, value in USERS[platform]("oncue").credentials.items()
        if name not in ("identifier", "chatId")
    }
    assert len(kept.splitlines()) > 30
    assert [each for each in (*credentials, "sandbox:", "eyJ", "Bearer") if each in kept] == []


async def test_nothing_of_a_grant_is_kept_in_clear(installation: Installation) -> None:
    body = {"clientId": "ours", "clientSecret": "canary-of-the-app"}
    await installation.api.put("/v1/apps/twitter", json=body)
    secret = {"sandbox", "canary", "BEGIN"}
    for platform in ("TWITTER", "MASTODON", "BLUESKY"):
        begun = await begin(installation, platform, redirectUri="http://127.0.0.1:3000/back")
        secret.add(begun["state"])
        back = await allow(begun["authUrl"])
        secret.add(back.said["code"])
        answer = await hand_in(installation, platform, back)
        held = await secrets_of(installation, answer.json()["account"])
        secret |= {held[name] for name in ("accessToken", "refreshToken") if name in held}
        refreshed = await installation.api.post(
            f"/v1/accounts/{answer.json()['account']['id']}/refresh"
        )
        assert refreshed.json()["success"] is True

    kept = await installation.db.read(everything)

    assert [each for each in secret - {"sandbox"} if each in kept] == []
    assert len(secret) == 14
