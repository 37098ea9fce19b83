"""Names that the document does not tell of: in an imported file, a header, networks' options."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from api.answers import NOBODY
from api.importing import imported, listed, table
from installation import Installation
from oncue.connectors.planned import PLANNED
from oncue.connectors.registry import CONNECTORS
from oncue.lib import ids
from rights.fields import bears_id
from rights.scene import PNG, file

pytestmark = pytest.mark.anyio

HEADER: Final = ("content", "accountIds", "media")


async def test_a_file_that_names_another_workspaces_things_is_told_what_nobodys_is(
    installation: Installation,
) -> None:
    other = await installation.new_workspace()
    key = await installation.new_key(workspace_id=other)
    account = await installation.new_account("TWITTER", "stranger", other)
    upload = await installation.api.post(
        "/v1/media", files=file("a.png", PNG), headers={"authorization": f"Bearer {key}"}
    )
    mine = installation.account("TWITTER")

    async def told(account: str, number: str, media: str) -> Mapping[str, Any]:
        lines = [("Hi", account, ""), ("Hi", number, ""), ("Hi", mine, media)]
        job = await imported(installation, table(HEADER, *lines))
        return without((account, number, media), job)

    theirs = await told(ids.to_typeid("acc", account.id), str(account.number), upload.json()["id"])
    nobodys = await told(ids.to_typeid("acc", NOBODY), "999999999", ids.to_typeid("media", NOBODY))

    assert theirs == nobodys
    assert theirs["failureCount"] == 3
    assert await listed(installation) == []


def without(names: Sequence[str], job: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a file has fared, but for its job's id and for what its cells name."""
    any_name = "|".join(map(re.escape, names))
    errors = [
        {"row": error["row"], "message": re.sub(rf"\b({any_name})\b", "…", error["message"])}
        for error in job["errors"]
    ]
    return {**job, "jobId": "…", "errors": errors}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/personas", {"name": "Ada"}),
        ("/v1/webhooks", {"url": "https://hooks.example/"}),
        ("/v1/posts/retry-failed", {"platform": "TWITTER"}),
    ],
)
async def test_another_workspaces_idempotency_key_is_a_new_one(
    installation: Installation, path: str, body: Mapping[str, Any]
) -> None:
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    headers = {"Idempotency-Key": "once"}

    theirs = await installation.api.post(
        path, json=body, headers=headers | {"authorization": f"Bearer {key}"}
    )
    mine = await installation.api.post(path, json=body, headers=headers)
    again = await installation.api.post(path, json=body, headers=headers)

    assert theirs.is_success
    assert mine.is_success
    assert "idempotent-replayed" not in mine.headers
    assert mine.json().get("id", "mine") != theirs.json().get("id", "theirs")
    assert again.text == mine.text


def test_the_options_of_networks_name_nothing_of_ours() -> None:
    """The document says of platformMetadata only that there may be anything in it."""
    specs = [*PLANNED.values(), *(connector.spec for connector in CONNECTORS.values())]

    names = {name for spec in specs for name in spec.options if bears_id(name, {})}

    assert names == {"instagramAudioId"}  # one that Instagram gives out
