"""Every operation x every place that names a thing: what is another workspace's is nobody's."""

from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.operations import served
from oncue.accounts.models import AccountSecret
from oncue.errors import NotFound
from oncue.lib import ids
from oncue.webhooks import history
from oncue.webhooks import service as webhooks
from oncue.webhooks.history import Part
from oncue.webhooks.models import Delivery, WebhookEndpoint
from oncue.workspaces.models import ApiKey
from rights.asks import GOOD
from rights.fences import EXCEPTIONS, exception_for, strays
from rights.fields import gaps
from rights.matrix import Matrix, contents, seen
from rights.requests import things_in
from rights.scene import THEIRS, Two
from statements import statements

pytestmark = pytest.mark.anyio

SHOWN_ONCE: Final = ("POST /v1/webhooks", "POST /v1/webhooks/{webhook_id}/rotate-secret")


@pytest.fixture(scope="module")
async def matrix(two: Two) -> Matrix:
    """The matrix when everything has been asked."""
    made = Matrix(two=two, rows=await contents(two.mine.oncue))
    await made.run()
    return made


async def test_every_place_that_names_a_thing_is_tried(two: Two) -> None:
    document = await served(two.mine.oncue)

    assert gaps(document, {name: set(things_in(ask)) for name, ask in GOOD.items()}) == set()


async def test_a_request_is_good_while_it_names_things_of_ones_own(matrix: Matrix) -> None:
    good = matrix.good

    refused = {operation: told.text for operation, told in good.items() if not told.is_success}
    no_matter = {
        (operation, place)
        for (operation, place), trial in matrix.trials.items()
        if trial.nobodys == seen(good[operation])
    }

    assert refused == {}
    assert no_matter == set()


@statements("V111")
async def test_another_workspaces_thing_is_answered_as_nobodys_is(matrix: Matrix) -> None:
    told = {
        place: (trial.theirs, trial.nobodys)
        for place, trial in matrix.trials.items()
        if trial.theirs != trial.nobodys
    }

    assert told == {}
    assert max(trial.theirs.status for trial in matrix.trials.values()) < 500


@pytest.mark.parametrize(("place", "status"), [("path:", 404), ("query:cursor", 400)])
async def test_it_is_unknown_in_a_path_and_bad_as_a_cursor(
    matrix: Matrix, place: str, status: int
) -> None:
    statuses = {
        asked: trial.theirs.status
        for asked, trial in matrix.trials.items()
        if asked[1].startswith(place)
    }

    assert len(statuses) > 0
    assert statuses == dict.fromkeys(statuses, status)


async def test_asking_for_another_workspaces_thing_changes_nothing(matrix: Matrix) -> None:
    changed = {place: trial.changed for place, trial in matrix.trials.items() if trial.changed}

    assert changed == {}
    assert matrix.theirs_changed == set()


async def test_no_answer_tells_of_another_workspace(two: Two, matrix: Matrix) -> None:
    ids = {thing for thing in two.theirs.things.values() if isinstance(thing, str)}

    named = {operation for operation, told in matrix.texts if THEIRS.lower() in told.lower()}
    answers = (*matrix.good.items(), *matrix.less.items())
    shown = {asked for asked, told in answers if any(thing in told.text for thing in ids)}

    assert named == set()
    assert shown == set()


async def test_every_statement_keeps_to_the_callers_workspace(two: Two, matrix: Matrix) -> None:
    found = {
        strays(statement, two.mine.workspace_id)
        for statement in matrix.statements
        if exception_for(statement) is None
    }
    used = {exception_for(statement) for statement in matrix.statements}

    assert found - {None} == set()
    assert used - {None} == EXCEPTIONS.keys()


async def test_no_answer_holds_a_secret(two: Two, matrix: Matrix) -> None:
    secrets = two.mine.secrets | two.theirs.secrets | await kept_secrets(two)

    told = {operation for operation, told in matrix.texts if any(each in told for each in secrets)}

    assert len(secrets) > 20
    assert told == set()


async def test_a_webhooks_secret_is_told_when_it_is_new_and_never_again(matrix: Matrix) -> None:
    secrets = {operation: matrix.good[operation].json()["secret"] for operation in SHOWN_ONCE}

    told = {
        operation: [other for other, told in matrix.texts if secret in told]
        for operation, secret in secrets.items()
    }

    assert told == {operation: [operation] for operation in SHOWN_ONCE}


async def kept_secrets(two: Two) -> set[str]:
    """What the database keeps of secrets: sealed, or digested."""

    def read(session: Session) -> set[str]:
        columns = (ApiKey.digest, AccountSecret.sealed, WebhookEndpoint.secret)
        return {kept for column in columns for kept in session.scalars(select(column)) if kept}

    return await two.mine.oncue.db.read(read)


async def test_a_query_that_forgets_the_workspace_is_noticed(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(session: Session, _workspace_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
        found = session.get(WebhookEndpoint, endpoint_id)
        if found is None:
            raise NotFound("webhook", ids.to_typeid("wh", endpoint_id))
        return found

    monkeypatch.setattr(webhooks, "get", get)
    matrix = Matrix(two=two, rows=await contents(two.mine.oncue))
    trial = await matrix.attempt("GET /v1/webhooks/{webhook_id}", "path:webhook_id")
    found = [strays(statement, two.mine.workspace_id) for statement in matrix.statements]

    assert (trial.nobodys.status, trial.theirs.status) == (404, 200)
    assert any(why and why.startswith("webhook_endpoint of any workspace") for why in found)
    assert any(THEIRS in told for _operation, told in matrix.texts)


async def test_a_silent_change_of_another_workspace_is_noticed(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replay_part(session: Session, _workspace_id: UUID, endpoint_id: UUID, *_: object) -> Part:
        session.execute(
            update(Delivery).where(Delivery.endpoint_id == endpoint_id).values(latency_ms=1)
        )
        return Part(count=0, last=None)

    monkeypatch.setattr(history, "replay_part", replay_part)
    matrix = Matrix(two=two, rows=await contents(two.mine.oncue))
    trial = await matrix.attempt("POST /v1/webhooks/{webhook_id}/replay", "path:webhook_id")

    assert trial.nobodys == trial.theirs
    assert {(row.table, row.owner) for row in trial.changed} == {
        ("delivery", two.theirs.workspace_id.hex)
    }
