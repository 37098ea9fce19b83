"""schemathesis on an application in this process: every check it has, in every phase it has."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from schemathesis import AuthContext, Case, Config, HookContext, Response, openapi
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.openapi.checks import (
    EnsureResourceAvailability,
    RejectedPositiveData,
    UseAfterFree,
)
from schemathesis.schemas import BaseSchema

from fuzz.tamed import tamed

SEED: Final = 20_261_122
SECONDS: Final = 60  # for an answer: more than any takes, on any machine

SHOWN: Final = 600  # characters of an answer

App: TypeAlias = Callable[..., Any]
Excuses: TypeAlias = Callable[[str, int, Any], bool]
Fills: TypeAlias = Callable[[Case[Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to ask: random requests for each operation, and random stories of several.

    `is_systematic`: every example and every boundary of every schema besides. A run of stories
    ends where one went otherwise than it did before, so more of them need more runs, each with
    its own `seed`.
    """

    examples: int
    stories: int
    is_systematic: bool = True
    seed: int = SEED


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer that a check objects to, and what was asked."""

    check: str
    operation: str
    says: str
    asked: str
    answer: str

    def __str__(self) -> str:
        return "\n  ".join((f"{self.check}: {self.operation}", self.says, self.asked, self.answer))


@dataclass(slots=True)
class Report:
    """What became of a run: how often each operation answered with which status, and worse."""

    answers: dict[str, dict[int, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )
    phases: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    checks: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def succeeded(self) -> set[str]:
        """The operations that answered 2xx at least once."""
        return {
            operation
            for operation, statuses in self.answers.items()
            if any(200 <= status < 300 for status in statuses)
        }


def load(app: App, identities: Mapping[str, str], effort: Effort, folder: Path) -> BaseSchema:
    """The application's document, and how to ask: identities by their Authorization headers.

    The first of them asks; what it makes is not to be seen by the others.
    """
    users = folder / "identities.json"
    users.write_text(json.dumps({"auth": [_user(*each) for each in identities.items()]}))
    names = list(identities)
    settings: dict[str, Any] = {
        "seed": effort.seed,
        "continue-on-failure": True,
        "request-timeout": SECONDS,
        "cache": {"enabled": False},
        "checks": {"enabled": True},
        "generation": {
            "max-examples": max(effort.examples, 1),
            "database": "none",
            "no-shrink": True,
        },
        "phases": {
            "examples": {"enabled": effort.is_systematic},
            "coverage": {"enabled": effort.is_systematic},
            "fuzzing": {"enabled": effort.examples > 0},
            "stateful": {"generation": {"max-examples": effort.stories}},
        },
        "auth": {"wfc": {"path": str(users), "user": names[0], "peers": names}},
    }
    return openapi.from_asgi("/api/openapi.json", app, config=Config.from_dict(settings))


def ask(schema: BaseSchema, operation: str, report: Report, **parts: Any) -> Response:
    """Send one case of our own; whatever a check objects to in the answer is reported."""
    method, path = operation.split()
    case = schema[path][method].Case(**parts)
    schema.auth.set(case, AuthContext(operation=case.operation, app=case.operation.app))
    response = case.call()
    report.answers[operation][response.status_code] += 1
    try:
        case.validate_response(response)
    except FailureGroup as group:
        report.findings += [
            Finding(
                check=type(failure).__name__,
                operation=operation,
                says=failure.message,
                asked=case.as_curl_command(),
                answer=response.text[:SHOWN],
            )
            for failure in group.exceptions
        ]
    return response


def run(
    schema: BaseSchema,
    report: Report,
    fill: Fills,
    is_excused: Excuses,
    outlived: Set[str] = frozenset(),
) -> None:
    """Ask in every phase. `fill` may change a case before it is sent.

    `is_excused` is shown the refusals of requests that fit their schemas: an operation, a status
    and a body. It says which of them are no finding. `outlived` are the deletions after which a
    thing is still there.
    """
    makers = _makers(schema.raw_schema["paths"])

    @schema.hook
    def map_case(context: HookContext, case: Case[Any]) -> Case[Any]:
        fill(case)
        return case

    @schema.hook
    def filter_failure(
        context: HookContext, failure: Failure, case: Case[Any], response: Response
    ) -> bool:
        match failure:
            case EnsureResourceAvailability(created_with=maker, not_available_with=missing):
                return maker in makers.get(missing, {maker})
            case UseAfterFree(operation=deletion):
                return deletion not in outlived
            case _:
                return _counts(failure, case, response, is_excused)

    with tamed():
        for event in from_schema(schema).execute():
            match event:
                case events.ScenarioFinished():
                    report.phases[event.phase.value] += len(event.recorder.cases)
                    _note(report, event.recorder)
                case events.NonFatalError():
                    report.troubles.append(f"{event.label}: {event.info.format()}")
                case events.FatalError():
                    report.troubles.append(repr(event.exception))
                case _:
                    pass


def _counts(failure: Failure, case: Case[Any], response: Response, is_excused: Excuses) -> bool:
    match failure:
        case RejectedPositiveData() if _fits_its_path(case):
            facts = (case.operation.label, response.status_code, response.json())
            return not is_excused(*facts)
        case RejectedPositiveData():
            return False
        case AcceptedNegativeData():
            return not _is_a_wrong_form(case)
        case _:
            return True


def _makers(paths: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """Which operations make what another is on, where the document's own links say so.

    schemathesis guesses more of them: that whatever is below a post's path comes with the post.
    """
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    named = {operation["operationId"]: label for label, operation in operations.items()}
    makers: dict[str, set[str]] = defaultdict(set)
    for maker, operation in operations.items():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                makers[named[link["operationId"]]].add(maker)
    return makers


def _fits_its_path(case: Case[Any]) -> bool:
    """Whether the path has ids of the right kinds: links that schemathesis guesses mix them up."""
    patterns = {
        each.name: each.definition["schema"].get("pattern", "")
        for each in case.operation.path_parameters
    }
    return all(
        re.search(pattern, str(case.path_parameters[name])) for name, pattern in patterns.items()
    )


def _is_a_wrong_form(case: Case[Any]) -> bool:
    """Whether a form is what is wrong: in one, whatever a part was meant to be is bytes."""
    is_form = case.media_type == "multipart/form-data"
    return is_form and case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)


def _user(name: str, authorization: str) -> Mapping[str, Any]:
    headers = [{"name": "Authorization", "value": authorization}]
    return {"name": name, "fixedHeaders": headers}


def _note(report: Report, recorder: ScenarioRecorder) -> None:
    for case_id, node in recorder.cases.items():
        operation, exchange = node.value.operation, recorder.interactions.get(case_id)
        answer = exchange.response if exchange else None
        if exchange and answer and exchange.request.method == operation.method.upper():
            report.answers[operation.label][answer.status_code] += 1
        report.checks |= {check.name for check in recorder.checks.get(case_id, ())}
        report.findings += _findings(recorder, case_id, operation.label)


def _findings(recorder: ScenarioRecorder, case_id: str, operation: str) -> Iterator[Finding]:
    for check in recorder.checks.get(case_id, ()):
        if check.status is not Status.FAILURE or check.failure_info is None:
            continue
        exchange = recorder.interactions.get(case_id)
        answer = exchange.response.text if exchange and exchange.response else ""
        yield Finding(
            check=check.name,
            operation=operation,
            says=check.failure_info.failure.message,
            asked=check.failure_info.code_sample,
            answer=answer[:SHOWN],
        )
