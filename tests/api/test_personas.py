"""/v1/personas, and the persona a post names."""

import asyncio
from typing import Any

import pytest

from api.answers import NOBODY, invalid, problem, rows, too_long
from api.changing import changes, patch, refusal
from api.sending import create
from installation import Installation
from oncue.lib import ids
from oncue.workspaces.keys import Scope
from statements import statements

pytestmark = pytest.mark.anyio

UNKNOWN = ids.to_typeid("persona", NOBODY)
NOT_FOUND = invalid("personaId", code="PERSONA_NOT_FOUND")


async def persona(
    installation: Installation, name: str = "Ada", **fields: object
) -> dict[str, Any]:
    answer = await installation.api.post("/v1/personas", json={"name": name} | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def strangers(installation: Installation) -> dict[str, str]:
    """The header of another workspace's key."""
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    return {"authorization": f"Bearer {key}"}


async def test_a_persona_is_made_read_changed_and_removed(installation: Installation) -> None:
    made = await persona(installation, description="Dry wit")
    path = f"/v1/personas/{made['id']}"

    read = (await installation.api.get(path)).json()
    installation.clock.advance(seconds=1)
    changed = (await installation.api.patch(path, json={"name": "Grace"})).json()
    cleared = (await installation.api.patch(path, json={"description": None})).json()
    removed = await installation.api.delete(path)

    assert made == {
        "id": ids.to_typeid("persona", ids.from_typeid("persona", made["id"])),
        "name": "Ada",
        "description": "Dry wit",
        "createdAt": "2026-11-22T12:00:00.000Z",
        "updatedAt": "2026-11-22T12:00:00.000Z",
    }
    assert read == made
    assert changes(made, changed) == {"name": "Grace"}
    assert changes(changed, cleared) == {"description": None}
    assert (removed.status_code, removed.json()) == (200, {"success": True})
    assert problem(await installation.api.get(path)) == (404, "NOT_FOUND", None)


async def test_a_change_of_nothing_changes_nothing(installation: Installation) -> None:
    made = await persona(installation)

    answer = await installation.api.patch(f"/v1/personas/{made['id']}", json={})

    assert (answer.status_code, answer.json()) == (200, made)


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"name": ""}, invalid("name", minLength=1, actualLength=0)),
        ({"name": None}, invalid("name")),
        ({"name": "x" * 201}, too_long("name", 200)),
        ({"description": "x" * 1_001}, too_long("description", 1_000)),
        ({"nam": "Ada"}, invalid("nam")),
    ],
)
async def test_what_no_persona_can_be_is_refused(
    installation: Installation, fields: dict[str, object], refused: object
) -> None:
    made = await persona(installation)

    created = await installation.api.post("/v1/personas", json={"name": "Ada"} | fields)
    changed = await installation.api.patch(f"/v1/personas/{made['id']}", json=fields)

    assert problem(created) == problem(changed) == refused
    assert (await installation.api.get(f"/v1/personas/{made['id']}")).json() == made


async def test_a_persona_can_have_the_longest_name_and_description(
    installation: Installation,
) -> None:
    made = await persona(installation, "x" * 200, description="y" * 1_000)

    assert (len(made["name"]), len(made["description"])) == (200, 1_000)


async def test_personas_are_listed_in_the_order_they_were_made_page_by_page(
    installation: Installation,
) -> None:
    made = [await persona(installation, name) for name in "ABC"]
    await installation.api.post(
        "/v1/personas", json={"name": "Theirs"}, headers=await strangers(installation)
    )

    first = (await installation.api.get("/v1/personas?limit=2")).json()
    cursor = first["pagination"]["next_cursor"]
    second = (await installation.api.get(f"/v1/personas?limit=2&cursor={cursor}")).json()

    assert first["personas"] == first["data"] == made[:2]
    assert second["personas"] == second["data"] == made[2:]
    assert (first["pagination"]["has_more"], second["pagination"]["has_more"]) == (True, False)


async def test_a_persona_that_is_sent_again_is_made_once(installation: Installation) -> None:
    headers = {"idempotency-key": "k"}

    first, second = [
        await installation.api.post("/v1/personas", json={"name": "Ada"}, headers=headers)
        for _ in range(2)
    ]

    assert (second.status_code, second.json()) == (201, first.json())


async def test_personas_are_written_with_their_scope_and_read_with_that_of_posts(
    installation: Installation,
) -> None:
    made = await persona(installation)
    path = f"/v1/personas/{made['id']}"
    reader, writer = [
        {"authorization": f"Bearer {await installation.new_key(scope)}"}
        for scope in (Scope.POSTS_READ, Scope.PERSONAS_WRITE)
    ]

    read = await installation.api.get(path, headers=reader)
    unwritten = await installation.api.patch(path, json={"name": "Eve"}, headers=reader)
    written = await installation.api.patch(path, json={"name": "Eve"}, headers=writer)

    assert (read.status_code, unwritten.status_code, written.status_code) == (200, 403, 200)


@statements("V30", "V90")
async def test_a_post_names_a_persona_of_its_workspace(installation: Installation) -> None:
    made = await persona(installation)
    uuid = str(ids.from_typeid("persona", made["id"]))

    by_name = await installation.create("MASTODON", personaId=made["id"])
    by_uuid = await installation.create("MASTODON", personaId=uuid)

    assert by_name["personaId"] == by_uuid["personaId"] == made["id"]
    assert await installation.get(by_uuid["id"]) == by_uuid


@statements("V30", "V90")
@pytest.mark.parametrize("reference", ["persona-1", "pp_clx1a2b3c", "Ada 🎉", "", "persona_", "7"])
async def test_any_other_reference_is_the_callers_own(
    installation: Installation, reference: str
) -> None:
    post = await installation.create("MASTODON", personaId=reference)

    assert post["personaId"] == reference


@statements("V30", "V133")
async def test_a_persona_of_another_workspace_is_as_unknown_as_one_that_never_was(
    installation: Installation,
) -> None:
    headers = await strangers(installation)
    answer = await installation.api.post("/v1/personas", json={"name": "Eve"}, headers=headers)
    theirs = answer.json()["id"]
    post = await installation.create("MASTODON")
    before = await rows(installation)

    made = {
        name: await create(installation, personaId=name)
        for name in (UNKNOWN, str(NOBODY), theirs, str(ids.from_typeid("persona", theirs)))
    }
    changed = [await refusal(installation, post, personaId=name) for name in (UNKNOWN, theirs)]

    assert [problem(answer) for answer in made.values()] == [NOT_FOUND] * 4
    assert changed == [NOT_FOUND] * 2
    shown = {answer.text.replace(name, "…") for name, answer in made.items() if "_" in name}
    assert len(shown) == 1
    assert await rows(installation) == before
    assert await installation.get(post["id"]) == post


@statements("V133")
async def test_a_posts_persona_is_replaced_and_cleared(installation: Installation) -> None:
    made = await persona(installation)
    post = await installation.create("MASTODON", personaId="one")

    replaced = await patch(installation, post, personaId=made["id"])
    cleared = await patch(installation, post, personaId=None)

    assert (replaced["personaId"], cleared["personaId"]) == (made["id"], None)


async def test_a_persona_that_posts_name_stays(installation: Installation) -> None:
    made = await persona(installation)
    path = f"/v1/personas/{made['id']}"
    posts = [await installation.create("MASTODON", personaId=made["id"]) for _ in range(2)]
    before = await rows(installation)

    kept = problem(await installation.api.delete(path))
    unchanged = await rows(installation)
    for post in posts:
        await patch(installation, post, personaId=None)
    removed = await installation.api.delete(path)

    assert kept == (409, "PERSONA_IN_USE", {"linkedPostCount": 2})
    assert unchanged == before
    assert removed.status_code == 200


async def test_another_workspaces_persona_cannot_be_removed(installation: Installation) -> None:
    made = await persona(installation)
    path = f"/v1/personas/{made['id']}"

    answer = await installation.api.delete(path, headers=await strangers(installation))

    assert problem(answer) == (404, "NOT_FOUND", None)
    assert (await installation.api.get(path)).json() == made


async def test_a_removal_against_a_new_post_never_leaves_a_post_without_its_persona(
    installation: Installation,
) -> None:
    for _ in range(5):
        made = await persona(installation)

        created, removed = await asyncio.gather(
            create(installation, personaId=made["id"]),
            installation.api.delete(f"/v1/personas/{made['id']}"),
        )

        assert (created.status_code, removed.status_code) in {(201, 409), (400, 200)}
