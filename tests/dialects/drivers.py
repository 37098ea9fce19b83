"""The two dialects, each as a driver for the stories."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx2 as httpx

from dialects.port import Refused, Wanted, Which
from installation import Installation
from oncue.lib import ids
from oncue.lib.clock import iso


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


async def _post(oncue: Installation, path: str, body: Mapping[str, object]) -> httpx.Response:
    answer = await oncue.api.post(path, json=body)
    if error := answer.json().get("error"):
        raise Refused(error["code"].lower())
    return answer


class Native:
    """/v1: camelCase, TypeIDs, platforms in capitals."""

    def __init__(self, oncue: Installation) -> None:
        self._oncue = oncue

    async def bulk(self, posts: Sequence[Wanted]) -> Sequence[UUID | None]:
        items = [
            _given(
                {
                    "content": post.content,
                    "accountIds": [ids.to_typeid("acc", row.id) for row in post.accounts],
                    "scheduledFor": iso(post.at) if post.at else None,
                }
            )
            for post in posts
        ]
        answer = await _post(self._oncue, "/v1/posts/bulk", {"posts": items})
        assert answer.status_code == 207
        return [self._made(result) for result in answer.json()["results"]]

    def _made(self, result: Mapping[str, Any]) -> UUID | None:
        if result["status"] == "failed":
            return None
        return ids.from_typeid("post", result["postId"])

    async def retry_failed(self, which: Which, *, dry_run: bool = False) -> set[UUID]:
        account = which.account
        posts = which.posts
        body = {
            "postIds": None if posts is None else [ids.to_typeid("post", each) for each in posts],
            "accountId": account and ids.to_typeid("acc", account.id),
            "platform": which.platform,
            "failedAfter": which.after and iso(which.after),
            "failedBefore": which.before and iso(which.before),
            "maxAttempts": which.max_attempts,
            "dryRun": dry_run,
        }
        answer = (await _post(self._oncue, "/v1/posts/retry-failed", _given(body))).json()
        assert answer["retriedCount"] == len(answer["destinations"])
        return {ids.from_typeid("pp", row["platformId"]) for row in answer["destinations"]}


class Compat:
    """/api/v1: snake_case, plain UUIDs, accounts by number."""

    def __init__(self, oncue: Installation) -> None:
        self._oncue = oncue

    async def bulk(self, posts: Sequence[Wanted]) -> Sequence[UUID | None]:
        items = [
            _given(
                {
                    "content": post.content,
                    "account_ids": [row.number for row in post.accounts],
                    "scheduled_for": iso(post.at) if post.at else None,
                    "draft": post.at is None,
                }
            )
            for post in posts
        ]
        answer = await _post(self._oncue, "/api/v1/posts/bulk", {"posts": items})
        results = answer.json()["data"]["results"]
        made = sum(result["ok"] for result in results)
        expected = 201 if made == len(results) else 207 if made else 422
        assert answer.status_code == expected
        return [UUID(each["post"]["post_id"]) if each["ok"] else None for each in results]

    async def retry_failed(self, which: Which, *, dry_run: bool = False) -> set[UUID]:
        posts, platform = which.posts, which.platform
        body = {
            "post_ids": None if posts is None else [str(each) for each in posts],
            "account_id": which.account and which.account.number,
            "platform": "x" if platform == "TWITTER" else platform and platform.lower(),
            "failed_after": which.after and iso(which.after),
            "failed_before": which.before and iso(which.before),
            "max_attempts": which.max_attempts,
            "dry_run": dry_run,
        }
        answer = (await _post(self._oncue, "/api/v1/posts/retry-failed", _given(body))).json()
        data = answer["data"]
        assert answer | data == answer
        assert data["retried_count"] == len(data["destinations"])
        return {UUID(row["destination_id"]) for row in data["destinations"]}
