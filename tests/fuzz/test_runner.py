"""The runner itself: every check objects to what is wrong for it, and none to what is right."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks

from fuzz.notes import OWNERS, notes
from fuzz.runner import Effort, Report, ask, load, run

IDENTITIES: Final = {name: f"Bearer {name}" for name in OWNERS}
EFFORT: Final = Effort(examples=2, stories=10)
load_all_checks()
ALL: Final = frozenset(CHECKS.get_all_names())


def as_it_is(case: Case[Any]) -> None:
    """Send a case as it was made up."""


def never(operation: str, status: int, answer: Any) -> bool:
    return False


def fuzzed(wrong: str, folder: Path, effort: Effort = EFFORT) -> Report:
    report = Report()
    run(load(notes(wrong), IDENTITIES, effort, folder), report, as_it_is, never)
    assert not report.troubles, "\n\n".join(report.troubles)
    return report


def asked_for(folder: Path) -> list[str]:
    """Everything that is asked of a sound API."""
    asked: list[str] = []

    def note(case: Case[Any]) -> None:
        said = (case.path_parameters, case.query, dict(case.headers), case.body)
        asked.append(f"{case.operation.label}: {said!r}")

    effort = Effort(examples=30, stories=10)
    run(load(notes(), IDENTITIES, effort, folder), Report(), note, never)
    return asked


def test_nothing_is_wrong_with_a_sound_api(tmp_path: Path) -> None:
    report = fuzzed("", tmp_path)

    assert not report.findings, "\n\n".join(map(str, report.findings))
    assert report.succeeded() == {
        "POST /notes",
        "GET /notes/{note_id}",
        "DELETE /notes/{note_id}",
        "POST /notes/{note_id}/reminder",
        "GET /notes/{note_id}/reminder",
    }
    assert report.checks == ALL
    assert set(report.phases) == {"examples", "coverage", "fuzzing", "stateful"}


@pytest.mark.parametrize("wrong", sorted(ALL - {"missing_required_header"}))
def test_whatever_is_wrong_is_found(wrong: str, tmp_path: Path) -> None:
    report = fuzzed(wrong, tmp_path)

    assert wrong in {finding.check for finding in report.findings}


def test_a_thing_that_another_operation_makes_is_not_missed_by_a_guess(tmp_path: Path) -> None:
    stories = Effort(examples=0, stories=60, is_systematic=False)
    sound, broken = (fuzzed(wrong, tmp_path, stories) for wrong in ("", "forgotten_reminder"))

    reminder = "GET /notes/{note_id}/reminder"  # guessed to be there once a note is
    assert sound.answers[reminder].keys() > {200, 404}
    assert sound.findings == []
    assert {(finding.check, finding.operation) for finding in broken.findings} == {
        ("ensure_resource_availability", reminder)
    }


def test_it_asks_the_same_every_time_whatever_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_for(tmp_path)

    imported = ModuleType("more_numbers")
    imported.__file__ = str(tmp_path / "more_numbers.py")
    Path(imported.__file__).write_text(f"NUMBERS = {[n / 7 for n in range(300)]}")
    monkeypatch.setitem(sys.modules, imported.__name__, imported)

    assert len(asked) > 50
    assert asked_for(tmp_path) == asked


def test_a_request_of_our_own_is_checked_too(tmp_path: Path) -> None:
    sound, broken = Report(), Report()
    request: dict[str, Any] = {"body": {"text": "a"}, "media_type": "application/json"}

    for wrong, report in (("", sound), ("response_schema_conformance", broken)):
        schema = load(notes(wrong), IDENTITIES, EFFORT, tmp_path)
        ask(schema, "POST /notes", report, **request)

    assert (sound.findings, sound.succeeded()) == ([], {"POST /notes"})
    assert [finding.check for finding in broken.findings] == ["JsonSchemaError"]


def test_a_refusal_that_is_excused_is_no_finding(tmp_path: Path) -> None:
    report, refused = Report(), list[tuple[str, int, Any]]()

    def excuse(operation: str, status: int, answer: Any) -> bool:
        refused.append((operation, status, answer))
        return True

    run(
        load(notes("positive_data_acceptance"), IDENTITIES, EFFORT, tmp_path),
        report,
        as_it_is,
        excuse,
    )

    assert report.findings == []
    assert set(map(str, refused)) == {
        str(("POST /notes", 422, {"detail": "too long"})),
    }


def test_what_outlives_its_deletion_may_be_used(tmp_path: Path) -> None:
    report, deletion = Report(), "DELETE /notes/{note_id}"

    schema = load(notes("use_after_free"), IDENTITIES, EFFORT, tmp_path)
    run(schema, report, as_it_is, never, outlived={deletion})

    assert 200 in report.answers[deletion]
    assert report.findings == []
