"""What is decided about a post that is late, from its policy and how late it is."""

from datetime import timedelta

import pytest

from oncue.posts.lateness import TOLERATED, fate
from oncue.workspaces.models import LatePolicy

HOUR = timedelta(hours=1)
MOMENT = timedelta(milliseconds=1)


@pytest.mark.parametrize("policy", LatePolicy)
def test_five_minutes_late_is_in_time_whatever_the_policy(policy: LatePolicy) -> None:
    assert fate(policy, HOUR, TOLERATED) is LatePolicy.PUBLISH


@pytest.mark.parametrize("policy", LatePolicy)
def test_a_moment_more_is_late(policy: LatePolicy) -> None:
    assert fate(policy, HOUR, TOLERATED + MOMENT) is policy


def test_a_post_goes_out_as_late_as_its_window_allows_and_is_then_held() -> None:
    assert fate(LatePolicy.PUBLISH, HOUR, HOUR) is LatePolicy.PUBLISH
    assert fate(LatePolicy.PUBLISH, HOUR, HOUR + MOMENT) is LatePolicy.HOLD


def test_the_window_does_not_matter_to_other_policies() -> None:
    assert fate(LatePolicy.HOLD, 9 * HOUR, 2 * HOUR) is LatePolicy.HOLD
    assert fate(LatePolicy.SKIP, HOUR, 9 * HOUR) is LatePolicy.SKIP
