"""The days of a rule: mostly RFC 5545's own examples, and what it leaves to the reader."""

from datetime import date, datetime, time

import pytest

from oncue.recurrence.rules import parse
from oncue.recurrence.series import Series, occurrences


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", ["1997-05-19", "1998-05-18", "1999-05-17"]),
        (
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            "1997-05-12",
            ["1997-05-12", "1998-05-11", "1999-05-17"],
        ),
        ("FREQ=YEARLY;BYWEEKNO=20", "1997-05-12", ["1997-05-12", "1998-05-11", "1999-05-17"]),
        (
            "FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=WE",
            "2026-01-01",
            ["2026-12-30", "2027-01-06", "2027-12-29", "2028-01-05"],
        ),
        (
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO",
            "2024-01-01",
            ["2024-01-01", "2024-12-30", "2025-12-29", "2027-01-04"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200",
            "1997-01-01",
            ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01", "2000-04-09", "2000-07-18"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "1996-11-05",
            ["1996-11-05", "2000-11-07", "2004-11-02"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "1997-09-02",
            ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"],
        ),
        ("FREQ=MONTHLY;BYDAY=-2MO", "1997-09-22", ["1997-09-22", "1997-10-20", "1997-11-17"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "1997-09-28", ["1997-09-28", "1997-10-29", "1997-11-28"]),
        ("FREQ=MONTHLY", "2027-01-31", ["2027-01-31", "2027-03-31", "2027-05-31"]),
        ("FREQ=YEARLY;BYMONTH=3,6", "1997-06-10", ["1997-06-10", "1998-03-10", "1998-06-10"]),
        ("FREQ=YEARLY", "2028-02-29", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        (
            "FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=10,11",
            "1997-09-10",
            ["1997-09-10", "1997-09-11", "1999-03-10", "1999-03-11", "2000-09-10"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
            "1997-09-04",
            ["1997-09-04", "1997-10-07", "1997-11-06"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "1997-09-29",
            ["1997-09-29", "1997-10-30", "1997-11-27", "1997-12-30", "1998-01-29"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=1MO,FR",
            "2027-01-01",
            ["2027-01-01", "2027-01-04", "2027-01-08", "2027-01-15", "2027-01-22", "2027-01-29"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO",
            "1997-08-05",
            ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            "1997-08-05",
            ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"],
        ),
        (
            "FREQ=WEEKLY;BYDAY=TU,FR;BYSETPOS=1",
            "2026-12-30",
            ["2027-01-05", "2027-01-12", "2027-01-19"],
        ),
    ],
)
def test_the_days_are_those_of_the_standard(text: str, start: str, expected: list[str]) -> None:
    rule = parse(text, "UTC")
    start_at = datetime.fromisoformat(f"{start}T09:00Z")

    found = occurrences(Series(rule=rule, start_at=start_at), len(expected))

    assert [moment.date() for moment in found] == [date.fromisoformat(day) for day in expected]
    assert {moment.time() for moment in found} == {time(9)}
