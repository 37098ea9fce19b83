"""Which sizes of picture are within a network's bounds, and how the bounds are told."""

import pytest

from oncue.connectors.frame import ANY, Frame


@pytest.mark.parametrize(
    ("frame", "within", "outside"),
    [
        (Frame(at_least=(250, 200)), [(250, 200), (900, 200)], [(249, 200), (250, 199)]),
        (Frame(at_most=(1_280, 1_080)), [(1_280, 1_080), (1, 1)], [(1_281, 1), (1, 1_081)]),
        (Frame(pixels=100), [(10, 10), (1, 100)], [(10, 11), (101, 1)]),
        (Frame(ratio=(0.8, 1.91)), [(4, 5), (191, 100)], [(79, 100), (192, 100)]),
    ],
)
def test_a_bound_takes_what_is_on_it(
    frame: Frame, within: list[tuple[int, int]], outside: list[tuple[int, int]]
) -> None:
    assert all(frame.takes(*size) for size in within)
    assert not any(frame.takes(*size) for size in outside)


def test_without_bounds_anything_goes() -> None:
    assert ANY.takes(1, 100_000)


def test_bounds_are_told_in_words() -> None:
    frame = Frame(at_least=(1, 2), at_most=(3, 4), pixels=5, ratio=(0.8, 1.91))

    assert str(frame) == (
        "at least 1x2 pixels and at most 3x4 pixels and at most 5 pixels in all "
        "and a width of 0.8 to 1.91 times the height"
    )
