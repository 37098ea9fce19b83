"""Whatever is sent: no 500, and a refusal leaves nothing behind."""

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from api.answers import problem, rows
from api.sending import send
from installation import Installation
from oncue.api.compat.bulk import BulkPost
from oncue.api.compat.retrying import RetryFilter
from oncue.api.native.bodies import CreatePost, UpdatePost

pytestmark = pytest.mark.anyio

TEXTS: Final = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["\x00", "\ud800", "TWITTER", "2026-11-23T00:00:00Z", "x" * 2_201, "THREAD"]
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def fields_of(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """A few fields of a body, and sometimes one that it does not have, with any values."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    return st.dictionaries(st.sampled_from(names) | TEXTS, JSON, min_size=1, max_size=3)


generated = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@given(fields=fields_of(CreatePost))
@generated
async def test_a_new_post_is_taken_whole_or_refused_whole(
    installation: Installation, fields: dict[str, Any]
) -> None:
    body = {"content": "Hello", "accountIds": [installation.account("TWITTER")]} | fields
    before = await rows(installation)

    answer = await installation.api.post(
        "/v1/posts", content=json.dumps(body), headers={"content-type": "application/json"}
    )

    if answer.status_code == 201:
        post = answer.json()
        assert await installation.get(post["id"]) == post
    else:
        assert problem(answer)[:2] in REFUSALS
        assert await rows(installation) == before


@given(fields=fields_of(UpdatePost))
@generated
async def test_a_change_is_made_whole_or_refused_whole(
    installation: Installation, fields: dict[str, Any]
) -> None:
    post = await installation.create("TWITTER", "MASTODON", tags=["a"])
    before = await rows(installation)

    answer = await installation.api.patch(
        f"/v1/posts/{post['id']}",
        content=json.dumps(fields),
        headers={"content-type": "application/json"},
    )

    shown = await installation.get(post["id"])
    if answer.status_code == 200:
        assert shown == answer.json()
    else:
        assert problem(answer)[:2] in REFUSALS
        assert shown == post
        assert await rows(installation) == before


@given(fields=fields_of(BulkPost))
@generated
async def test_a_post_of_a_bulk_is_made_whole_or_refused_whole(
    installation: Installation, fields: dict[str, Any]
) -> None:
    number = installation.accounts["TWITTER"].number
    post = {"content": "Hello", "account_ids": [number], "draft": True} | fields
    before = await rows(installation)

    answer = await send(installation, json.dumps({"posts": [post]}).encode(), "/api/v1/posts/bulk")

    [result] = answer.json()["results"]
    assert answer.status_code == (201 if result["ok"] else 422)
    if result["ok"]:
        assert (await installation.get(result["post"]["post_id"]))["content"]
    else:
        assert result["error"]["code"] in {"validation_error", "invalid_field_name"}
        assert await rows(installation) == before


@given(fields=fields_of(RetryFilter))
@generated
async def test_a_filter_is_understood_or_refused(
    installation: Installation, fields: dict[str, Any]
) -> None:
    content = json.dumps(fields).encode()

    answer = await send(installation, content, "/api/v1/posts/retry-failed")

    if answer.status_code == 200:
        assert answer.json()["retried_count"] == 0
    else:
        code = answer.json()["error"]["code"]
        assert (answer.status_code, code) in {(400, "validation_error"), (400, "no_filter")}


REFUSALS: Final = {
    (400, "VALIDATION_ERROR"),
    (400, "BAD_REQUEST"),
    (422, "VALIDATION_ERROR"),
    (409, "CONFLICT"),
}
