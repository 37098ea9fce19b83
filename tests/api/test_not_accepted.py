"""How a file that is not taken is told of."""

import json

from starlette.requests import Request

from oncue.api.errors import render
from oncue.errors import NotAccepted


def test_a_file_that_is_not_taken_is_told_with_reason_and_facts() -> None:
    request = Request({"type": "http", "path": "/v1/media", "headers": [], "query_string": b""})
    refused = NotAccepted(
        code="IMAGE_TOO_LARGE",
        reason="an image may have 9 pixels; this is 4x4",
        facts={"limit": 9, "actual": 16},
    )

    answer = render(request, refused)

    assert answer.status_code == 422
    assert json.loads(bytes(answer.body)) == {
        "error": {
            "code": "IMAGE_TOO_LARGE",
            "message": "an image may have 9 pixels; this is 4x4",
            "details": {"reason": "image_too_large", "limit": 9, "actual": 16},
        }
    }
