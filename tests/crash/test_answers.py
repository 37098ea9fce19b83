"""A server dies between a write's commit and its answer; sent again, it is answered as done."""

from urllib.error import URLError

import pytest

from crash.site import Site
from oncue.lib import ids
from oncue.lib.crashpoints import BEFORE_ANSWER
from processes import KILLED, ask, until_served

BULK = "/v1/posts/bulk"


def test_a_retry_after_kill_9_gets_the_same_ids_and_makes_nothing_new(site: Site) -> None:
    [account] = site.connect("MASTODON")
    named = ids.to_typeid("acc", account)
    posts = [{"content": f"Post {n}", "accountIds": [named]} for n in range(3)] + [{"content": "?"}]
    headers = {"authorization": f"Bearer {site.key}", "idempotency-key": "once"}
    dying = site.serve(ONCUE_CRASH_AT=BEFORE_ANSWER)
    until_served(dying, f"{site.url}/readyz")
    with pytest.raises((URLError, ConnectionError)):
        ask("POST", site.url + BULK, {"posts": posts}, **headers)
    assert dying.ended() == KILLED
    until_served(site.serve(), f"{site.url}/readyz")
    made = listed(site)

    again = ask("POST", site.url + BULK, {"posts": posts}, **headers)

    assert (again["created"], again["failed"]) == (3, 1)
    assert [result["postId"] for result in again["results"][:3]] == made
    assert listed(site) == made


def listed(site: Site) -> list[str]:
    """The ids of the posts there are, in the order they were made."""
    page = ask("GET", f"{site.url}/v1/posts", authorization=f"Bearer {site.key}")
    return [post["id"] for post in reversed(page["data"])]
