"""Plans and limits of workspaces, as an operator sets them."""

import pytest

from cli.operators import NOBODY, Operator

pytestmark = pytest.mark.usefixtures("anywhere")


def test_a_new_workspace_has_the_plan_it_is_given(operator: Operator) -> None:
    free = operator.types("workspaces", "create", "Small", "--plan", "free", "--json").json
    usual = operator.types("workspaces", "create", "Ours", "--json").json

    assert free == {
        "workspaceId": free["workspaceId"],
        "name": "Small",
        "plan": "free",
        "postsPerMonth": None,
        "postsPerDay": {},
    }
    assert usual["plan"] == "agency"
    assert operator.types("workspaces", "list", "--json").json == [free, usual]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_workspace_has_a_name(operator: Operator, name: str) -> None:
    said = operator.types("workspaces", "create", name)

    assert said.code == 1
    assert "name: has 1 to 200 characters" in said.err
    assert operator.types("workspaces", "list", "--json").json == []


def test_limits_are_set_one_by_one_and_lifted_again(operator: Operator) -> None:
    made = operator.types("workspaces", "create", "Ours", "--json").json
    other = operator.types("workspaces", "create", "Theirs", "--json").json

    def limits(*words: str) -> tuple[str, int | None, dict[str, int]]:
        said = operator.types("workspaces", "set", made["workspaceId"], *words, "--json")
        assert (said.code, said.err) == (0, "")
        return said.json["plan"], said.json["postsPerMonth"], said.json["postsPerDay"]

    assert limits("--plan", "pro") == ("pro", None, {})
    assert limits("--posts-per-month", "500") == ("pro", 500, {})
    each = ("--posts-per-day", "TWITTER=50", "--posts-per-day", "mastodon=0")
    assert limits(*each) == ("pro", 500, {"TWITTER": 50, "MASTODON": 0})
    assert limits("--posts-per-day", "TWITTER=unlimited") == ("pro", 500, {"MASTODON": 0})
    assert limits() == ("pro", 500, {"MASTODON": 0})
    everything = ("--posts-per-month", "unlimited", "--posts-per-day", "MASTODON=unlimited")
    assert limits(*everything) == ("pro", None, {})
    assert other in operator.types("workspaces", "list", "--json").json


def test_people_are_told_the_limits_in_words(operator: Operator) -> None:
    made = operator.types("workspaces", "create", "Ours", "--json").json
    words = ("--posts-per-month", "500", "--posts-per-day", "TWITTER=50")

    free = operator.types("workspaces", "set", made["workspaceId"], "--plan", "free")
    said = operator.types("workspaces", "set", made["workspaceId"], *words)

    assert free.out == "Ours: free, posts without limit\n"
    assert said.out == "Ours: free, 500 posts a month, 50 a day on TWITTER\n"
    assert "50 a day on TWITTER" in operator.types("workspaces", "list").out


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        (["--plan", "gold"], "plan: gold is not one of free, starter, pro, agency"),
        (["--posts-per-month", "many"], "--posts-per-month: 'many' is neither a number"),
        (["--posts-per-month", "-1"], "--posts-per-month: '-1' is neither a number"),
        (["--posts-per-month", "99999999999"], "from 0 to 2147483647 nor unlimited"),
        (["--posts-per-day", "50"], "--posts-per-day: 50 does not name a network"),
        (["--posts-per-day", "MYSPACE=5"], "MYSPACE=5 does not name a network"),
        (["--posts-per-day", "TWITTER="], "--posts-per-day: '' is neither a number"),
        (["--plan", "free", "--posts-per-day", "TWITTER=1.5"], "'1.5' is neither a number"),
    ],
)
def test_a_limit_that_makes_no_sense_is_one_sentence_and_changes_nothing(
    operator: Operator, words: list[str], explained: str
) -> None:
    made = operator.types("workspaces", "create", "Ours", "--json").json

    said = operator.types("workspaces", "set", made["workspaceId"], *words)

    assert (said.code, said.out) == (1, "")
    assert explained in said.err
    assert operator.types("workspaces", "list", "--json").json == [made]


def test_a_workspace_there_is_not_cannot_be_set(operator: Operator) -> None:
    operator.types("migrate")

    for words in (["--plan", "pro"], ["--posts-per-day", "TWITTER=1"], []):
        said = operator.types("workspaces", "set", NOBODY, *words)
        assert (said.code, "No workspace with id ws_000" in said.err) == (1, True)

    assert operator.types("workspaces", "create", "Ours", "--plan", "gold").code == 1
