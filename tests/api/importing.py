"""How tests hand in a file of posts, and see what has become of it."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2 as httpx

from installation import Installation


def table(*rows: Sequence[str]) -> bytes:
    """A file with two columns, content and accountIds; or with those that the first row names."""
    written = io.StringIO(newline="")
    header = () if rows and "content" in rows[0] else (("content", "accountIds"),)
    csv.writer(written).writerows([*header, *rows])
    return written.getvalue().encode()


async def hand_in(
    installation: Installation,
    content: bytes,
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    file = {"file": ("posts.csv", content, "text/csv")}
    url = f"/v1/posts/import{query}"
    return await installation.api.post(url, files=file, headers=headers)


async def accepted(installation: Installation, content: bytes, query: str = "") -> str:
    """The id of the job that a file has become."""
    answer = await hand_in(installation, content, query)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["jobId"]
    return job_id


async def status(installation: Installation, job_id: str) -> dict[str, Any]:
    answer = await installation.api.get(f"/v1/posts/import/{job_id}/status")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def imported(installation: Installation, content: bytes, query: str = "") -> dict[str, Any]:
    """Hand in a file and have it worked through; the job's last word."""
    job_id = await accepted(installation, content, query)
    await installation.errands()
    return await status(installation, job_id)


async def listed(installation: Installation) -> list[dict[str, Any]]:
    """Every post there is (up to a hundred), oldest first."""
    answer = await installation.api.get("/v1/posts?limit=100")
    assert not answer.json()["pagination"]["has_more"]
    posts: list[dict[str, Any]] = answer.json()["data"]
    return posts[::-1]
