"""GET /api/v1/me and /api/v1/accounts: what existing clients of this dialect begin with."""

from typing import Any

import pytest
from sqlalchemy import update

from installation import Installation
from oncue.accounts.models import Account
from oncue.lib import ids
from oncue.lib.clock import iso

pytestmark = pytest.mark.anyio


async def data(installation: Installation, path: str, key: str = "") -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    answer = await installation.api.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["error"] is None
    assert body["meta"]["request_id"] == answer.headers["x-request-id"]
    return body["data"]


@pytest.mark.parametrize(
    ("scope", "scopes"), [("posts:read", ["read"]), ("posts:write", ["read", "write"])]
)
async def test_a_key_learns_whose_it_is_and_what_it_may_do(
    installation: Installation, scope: str, scopes: list[str]
) -> None:
    key = await installation.new_key(scope)

    me = await data(installation, "/api/v1/me", key)

    workspace_id = ids.to_typeid("ws", installation.workspace_id)
    assert me == {
        "api_key": {"id": me["api_key"]["id"], "scopes": scopes},
        "scopes": scopes,
        "organization": {
            "id": workspace_id,
            "name": "Test",
            "subscription_plan": "AGENCY",
            "subscription_status": "active",
            "entitled": True,
        },
        "workspace": {"id": workspace_id, "name": "Test"},
    }


async def test_accounts_are_named_by_their_numbers(installation: Installation) -> None:
    twitter = installation.accounts["TWITTER"]

    listed = (await data(installation, "/api/v1/accounts"))["accounts"]
    [shown] = (await data(installation, "/api/v1/accounts?platform=x"))["accounts"]

    assert {row["id"] for row in listed} == {row.number for row in installation.accounts.values()}
    assert shown == {
        "id": twitter.number,
        "platform": "x",
        "account_name": "oncue on TWITTER",
        "avatar_url": None,
        "is_active": True,
        "created_at": iso(twitter.created_at),
        "health": {"status": "healthy", "can_post": True},
    }


async def test_an_account_that_lost_its_credentials_cannot_post(
    installation: Installation,
) -> None:
    await installation.db.write(
        lambda session: session.execute(
            update(Account).where(Account.platform == "TWITTER").values(status="expired")
        )
    )

    [shown] = (await data(installation, "/api/v1/accounts?platform=twitter"))["accounts"]

    assert (shown["is_active"], shown["health"]) == (
        False,
        {"status": "expired", "can_post": False},
    )


async def test_another_workspaces_accounts_are_not_listed(installation: Installation) -> None:
    key = await installation.new_key(workspace_id=await installation.new_workspace())

    assert await data(installation, "/api/v1/accounts", key) == {"accounts": []}


async def test_accounts_need_their_scope(installation: Installation) -> None:
    key = await installation.new_key("posts:write")

    answer = await installation.api.get(
        "/api/v1/accounts", headers={"authorization": f"Bearer {key}"}
    )

    assert answer.status_code == 403
