"""Whatever is asked, the API answers as its own document says; and every operation can succeed.

ONCUE_FUZZ_EXAMPLES asks for more random requests than fit into every run of the tests.
"""

import asyncio
import logging
import os
import random
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import pytest
import structlog
from schemathesis.checks import CHECKS

from api.operations import served as document_of
from api.test_openapi import staged
from fuzz.asked import good_requests
from fuzz.runner import SEED, Effort, Report, ask, load, run
from fuzz.scene import things_of
from fuzz.served import Served
from fuzz.unsaid import OUTLIVED, is_unsaid
from installation import Installation
from oncue.accounts import oauth
from oncue.api import edge
from oncue.api.native import webhooks
from oncue.lib import ids
from oncue.settings import Settings

SYSTEMATIC: Final = frozenset({"examples", "coverage"})
PHASES: Final = SYSTEMATIC | {"fuzzing", "stateful"}
EXAMPLES: Final = int(os.environ.get("ONCUE_FUZZ_EXAMPLES", "3"))  # for each operation

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(3_600)]


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Thousands of publications would be logged, and the log kept."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


@pytest.fixture(autouse=True)
def the_same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is answered may be asked about next: so that runs are alike, ids have to be."""
    chance = random.Random(SEED)

    def token(size: int) -> str:
        return chance.randbytes(size).hex()

    monkeypatch.setattr(ids, "_last", (0, 0))
    monkeypatch.setattr(ids, "secrets", SimpleNamespace(randbits=chance.getrandbits))
    monkeypatch.setattr(oauth, "secrets", SimpleNamespace(token_urlsafe=token))
    monkeypatch.setattr(webhooks, "secrets", SimpleNamespace(token_bytes=chance.randbytes))
    monkeypatch.setattr(edge, "uuid4", lambda: UUID(int=chance.getrandbits(128)))


@pytest.mark.usefixtures("paged")
async def test_every_answer_is_one_the_document_tells_of(
    installation: Installation, settings: Settings, tmp_path: Path
) -> None:
    effort = Effort(examples=EXAMPLES, stories=EXAMPLES * 3)
    if settings.database_url:  # what schemas say was asked on SQLite, which answers sooner
        effort = Effort(examples=EXAMPLES // 3, stories=EXAMPLES, is_systematic=False)
    async with staged(installation) as things:
        theirs = await installation.new_key(workspace_id=await installation.new_workspace())
        identities = {"mine": f"Bearer {installation.key}", "theirs": f"Bearer {theirs}"}
        app = Served(installation)

        def fuzz() -> Report:
            schema = load(app, identities, effort, tmp_path)
            report = Report()
            for operation, parts in good_requests(things):
                ask(schema, operation, report, **parts)
            fill = things_of(installation, things).fill
            run(schema, report, fill, is_unsaid, OUTLIVED)
            for seed in range(EXAMPLES // 3 - 1):
                more = Effort(examples=0, stories=effort.stories, is_systematic=False, seed=seed)
                run(load(app, identities, more, tmp_path), report, fill, is_unsaid, OUTLIVED)
            return report

        report = await asyncio.to_thread(fuzz)

    assert not report.troubles, "\n\n".join(report.troubles)
    assert not report.findings, "\n\n".join(map(str, report.findings))
    assert report.succeeded() == operations(await document_of(installation))
    assert report.checks == set(CHECKS.get_all_names())
    assert report.phases.keys() == (PHASES if effort.is_systematic else PHASES - SYSTEMATIC)
    assert not any(429 in statuses for statuses in report.answers.values())


def operations(document: Mapping[str, Any]) -> set[str]:
    """Everything the document has, as METHOD /path."""
    return {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
