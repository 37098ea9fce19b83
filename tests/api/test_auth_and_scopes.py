"""Who may ask what: keys, scopes, workspaces, and the refusals of each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import httpx2 as httpx
import pytest
from sqlalchemy import Engine, event

from api.answers import NOBODY, problem, rows
from api.operations import SCOPES, UNSEEN, served
from installation import Installation
from oncue.lib import ids
from oncue.workspaces import keys
from oncue.workspaces.keys import ALL_SCOPES, Scope
from statements import statements

pytestmark = pytest.mark.anyio

UNAUTHORIZED: Final = (401, "UNAUTHORIZED", None)


async def ask(installation: Installation, operation: str, key: str) -> httpx.Response:
    """An operation on things that are not there, with a body that is not good."""
    method, template = operation.split()
    body: dict[str, object] | None = None if method == "GET" else {}
    headers = {"authorization": f"Bearer {key}"}
    path = template.format(**UNSEEN)
    return await installation.api.request(method, path, json=body, headers=headers)


async def all_operations(installation: Installation) -> list[str]:
    """Every operation in the served OpenAPI document, both dialects'."""
    document = await served(installation)
    return [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    ]


@contextmanager
def watched() -> Iterator[list[str]]:
    """What any database is asked meanwhile."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_the_table_names_operations_that_are_served(
    installation: Installation,
) -> None:
    assert SCOPES.keys() <= set(await all_operations(installation))


@statements("V3", "V4", "V5", "V6", "V7", "V8", "V12", "V15")
async def test_an_operation_is_open_to_the_scope_it_names_and_to_no_other(
    installation: Installation,
) -> None:
    keys_of = {scope: await installation.new_key(scope) for scope in ALL_SCOPES}

    answers = {
        (operation, held): said(await ask(installation, operation, key))
        for operation in SCOPES
        for held, key in keys_of.items()
    }

    assert answers == {
        (operation, held): None if wanted is None or opens(held, wanted) else lacks(wanted, held)
        for operation, wanted in SCOPES.items()
        for held in ALL_SCOPES
    }


def said(answer: httpx.Response) -> object:
    """How the key was refused; None where it was not."""
    return problem(answer) if answer.status_code in (401, 403) else None


def opens(held: Scope, wanted: Scope) -> bool:
    """A scope opens itself, and writing something includes reading it."""
    return held in (wanted, wanted.replace(":read", ":write"))


def lacks(wanted: Scope, held: Scope) -> object:
    return 403, "AUTHORIZATION_ERROR", {"requiredScope": wanted, "scopes": [held]}


@statements("V2")
async def test_no_operation_of_any_kind_is_open_without_a_key(installation: Installation) -> None:
    operations = await all_operations(installation)
    before = await rows(installation)
    statuses = {}

    for operation in operations:
        method, template = operation.split()
        names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
        path = template.format(**{name: UNSEEN.get(name, str(NOBODY)) for name in names})
        answer = await installation.api.request(method, path, headers={"authorization": ""})
        statuses[operation] = answer.status_code

    assert statuses == dict.fromkeys(operations, 401)
    assert await rows(installation) == before


@statements("V2")
async def test_a_request_without_a_good_key_is_told_so_always_in_the_same_way(
    installation: Installation,
) -> None:
    random = "A" * 32
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Basic b25jdWU6b25jdWU=",
        f"Token {installation.key}",
        installation.key,
        f"Bearer {installation.key}x",
        f"Bearer {installation.key[:-1]}",
        f"Bearer {installation.key.upper()}",
        f"Bearer vb_live_{random}",
        f"Bearer {keys.generate()}",
    ]

    answers = [
        await installation.api.get("/v1/posts", headers={"authorization": header})
        for header in wrong
    ]
    strange = await installation.api.get(
        "/v1/posts", headers={b"authorization": "Bearer oncue_live_ä".encode()}
    )

    assert [problem(answer) for answer in (*answers, strange)] == [UNAUTHORIZED] * (len(wrong) + 1)
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert len({answer.text for answer in answers}) == 1


async def test_the_name_of_the_scheme_is_known_in_any_case(installation: Installation) -> None:
    answer = await installation.api.get(
        "/v1/health", headers={"authorization": f"bearer {installation.key}"}
    )

    assert answer.status_code == 200


async def test_a_key_with_a_wrong_checksum_costs_no_query(installation: Installation) -> None:
    good = keys.generate()
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")

    async def cost(key: str) -> int:
        with watched() as seen:
            answer = await installation.api.get(
                "/v1/auth/me", headers={"authorization": f"Bearer {key}"}
            )
        assert problem(answer) == UNAUTHORIZED
        return len(seen)

    assert await cost(wrong) == 0
    assert await cost("oncue_live_") == 0
    assert await cost(good) == 1


async def test_a_revoked_key_is_refused_from_the_next_request_on(
    installation: Installation,
) -> None:
    made = await installation.db.write(
        lambda session: keys.create(
            session,
            installation.workspace_id,
            dialect=keys.Dialect.NATIVE,
            scopes=ALL_SCOPES,
            now=installation.clock(),
        )
    )
    headers = {"authorization": f"Bearer {made.key}"}

    before = await installation.api.get("/v1/health", headers=headers)
    await installation.db.write(lambda session: keys.revoke(session, made.id, installation.clock()))
    after = await installation.api.get("/v1/health", headers=headers)

    assert (before.status_code, problem(after)) == (200, UNAUTHORIZED)


async def test_a_key_says_whose_it_is_and_what_it_may_do(installation: Installation) -> None:
    key = await installation.new_key(Scope.POSTS_WRITE, Scope.MEDIA_READ)

    answer = await ask(installation, "GET /v1/auth/me", key)

    assert answer.json() == {
        "workspaceId": ids.to_typeid("ws", installation.workspace_id),
        "workspaceName": "Test",
        "plan": "AGENCY",
        "scopes": ["media:read", "posts:write"],
    }


async def test_the_server_says_that_it_is_well(installation: Installation) -> None:
    answer = await installation.api.get("/v1/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@statements("V111")
async def test_another_workspaces_post_is_as_unknown_as_nobodys_to_every_operation(
    installation: Installation,
) -> None:
    post = await installation.create("MASTODON", scheduledFor="2026-11-22T13:00:00Z")
    persona = (await installation.api.post("/v1/personas", json={"name": "Ada"})).json()
    key = await installation.new_key(workspace_id=await installation.new_workspace())
    url = {"url": "https://hooks.example/"}
    webhook = (await installation.api.post("/v1/webhooks", json=url)).json()["id"]
    tested = (await installation.api.post(f"/v1/webhooks/{webhook}/test")).json()["data"]
    theirs = {
        **UNSEEN,
        "webhook_id": webhook,
        "delivery_id": tested["id"],
        "post_id": post["id"],
        "platform_id": post["platforms"][0]["id"],
        "account_id": installation.account("MASTODON"),
        "persona_id": persona["id"],
    }
    bodies = {
        "resolve": {"published": True},
        "{post_id}": {"content": "Mine now"},
        "{persona_id}": {"name": "Mine now"},
        "recurrence": {"recurrenceRule": "FREQ=DAILY", "timezone": "UTC"},
        "skip": {"at": "2026-11-23T13:00:00Z"},
        "{webhook_id}": {"enabled": False},
        "select-page": {"pageId": "1"},
        "replay": {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"},
    }
    before = await rows(installation)

    for operation in SCOPES:
        method, template = operation.split()
        if "_id}" not in template:
            continue
        body = bodies.get(template.rsplit("/", 1)[-1])
        answers = [
            await installation.api.request(
                method,
                template.format(**named),
                json=body if method != "GET" else None,
                headers={"authorization": f"Bearer {key}"},
            )
            for named in (UNSEEN, theirs)
        ]
        unknown, foreign = [scrubbed(answer, theirs, UNSEEN) for answer in answers]
        assert unknown == foreign == (404, unknown[1]), operation
        assert problem(answers[0]) == (404, "NOT_FOUND", None)

    assert await rows(installation) == before
    assert await installation.get(post["id"]) == post


def scrubbed(answer: httpx.Response, *named: Mapping[str, str]) -> tuple[int, str]:
    """An answer without the ids that were asked for."""
    text = answer.text
    for names in named:
        for value in names.values():
            text = text.replace(value, "…")
    return answer.status_code, text


async def test_what_is_not_there_is_a_404_and_a_method_there_is_not_a_405(
    installation: Installation,
) -> None:
    nowhere = await installation.api.get("/v1/nowhere")
    method = await installation.api.put("/v1/posts", json={})

    assert problem(nowhere) == (404, "NOT_FOUND", None)
    assert problem(method) == (405, "METHOD_NOT_ALLOWED", None)
