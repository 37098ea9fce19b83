"""Who may ask at all: keys, and how one that is not good is refused (rights: what each opens)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from sqlalchemy import Engine, event

from api.answers import problem, rows
from api.operations import SCOPES, ask
from installation import Installation
from oncue.lib import ids
from oncue.workspaces import keys
from oncue.workspaces.keys import ALL_SCOPES, Scope
from statements import statements

pytestmark = pytest.mark.anyio

UNAUTHORIZED: Final = (401, "UNAUTHORIZED", None)


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


@statements("V2")
async def test_no_operation_of_any_kind_is_open_without_a_key(installation: Installation) -> None:
    before = await rows(installation)

    answers = {operation: await ask(installation, operation, "") for operation in SCOPES}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        SCOPES, 401
    )
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


async def test_what_is_not_there_is_a_404_and_a_method_there_is_not_a_405(
    installation: Installation,
) -> None:
    nowhere = await installation.api.get("/v1/nowhere")
    method = await installation.api.put("/v1/posts", json={})

    assert problem(nowhere) == (404, "NOT_FOUND", None)
    assert problem(method) == (405, "METHOD_NOT_ALLOWED", None)
