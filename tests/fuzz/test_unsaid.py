"""Only what the table has excuses a refusal, and only where it has all of it."""

from typing import Any

import pytest

from fuzz.unsaid import is_unsaid


def refused(*issues: tuple[str, str | None], code: str = "VALIDATION_ERROR") -> Any:
    """A refusal of these fields, each with its own code."""
    told = [
        {"field": field, "message": "is wrong"} | ({"code": own} if own else {})
        for field, own in issues
    ]
    details = told[0] if len(told) == 1 else {"errors": told}
    return {"error": {"code": code, "message": "is wrong", "details": details}}


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("GET /v1/posts", refused(("cursor", None))),
        ("POST /v1/posts", refused(("accountIds[3]", "ACCOUNT_NOT_FOUND"), ("queue", None))),
        ("PATCH /v1/posts/{post_id}", refused(("threadPosts[1].content", "CONTENT_TOO_LONG"))),
        ("POST /v1/webhooks", refused(("url", "URL_NOT_ALLOWED"))),
        ("POST /v1/posts/retry-failed", {"error": {"code": "NO_FILTER", "message": "Which?"}}),
        ("POST /api/v1/posts/retry-failed", {"error": {"code": "no_filter", "details": None}}),
    ],
)
def test_a_rule_of_the_table_excuses_a_refusal(operation: str, answer: Any) -> None:
    assert is_unsaid(operation, 400, answer)


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("POST /v1/posts", refused(("cursor", None))),
        ("POST /v1/posts", refused(("tags[0]", None))),
        ("POST /v1/posts", refused(("queue", None), ("tags[0]", None))),
        ("POST /v1/posts", refused(("accountIds[3]", None))),
        ("POST /v1/webhooks", refused(("url", None))),
        ("POST /v1/posts", {"error": {"code": "NO_FILTER", "message": "Which?"}}),
        ("POST /v1/posts", {"error": {"code": "BAD_REQUEST", "message": "What?"}}),
    ],
)
def test_any_other_refusal_is_a_finding(operation: str, answer: Any) -> None:
    assert not is_unsaid(operation, 400, answer)


def test_where_none_of_many_can_be_made_the_whole_is_told_so() -> None:
    nothing = {"created": 0, "results": []}

    assert is_unsaid("POST /v1/posts/bulk", 422, nothing)
    with pytest.raises(KeyError):
        is_unsaid("POST /v1/posts", 422, nothing)
