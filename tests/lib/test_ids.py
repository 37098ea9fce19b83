"""Ids grow with time, and read the same in every implementation of TypeID."""

import re
import threading
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncue.lib import ids
from oncue.lib.clock import to_epoch_ms
from oncue.lib.ids import (
    ALPHABET,
    BadId,
    from_typeid,
    new_id,
    read_pattern,
    to_typeid,
    written_pattern,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
ZEROS = "0" * 26
PREFIXES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=63)


# The values of spec/valid.yml that have a prefix, and those without under one of ours.
@pytest.mark.parametrize(
    ("prefix", "uuid", "text"),
    [
        ("post", "00000000-0000-0000-0000-000000000000", f"post_{ZEROS}"),
        ("post", "00000000-0000-0000-0000-000000000001", "post_00000000000000000000000001"),
        ("post", "00000000-0000-0000-0000-00000000000a", "post_0000000000000000000000000a"),
        ("post", "00000000-0000-0000-0000-000000000010", "post_0000000000000000000000000g"),
        ("post", "00000000-0000-0000-0000-000000000020", "post_00000000000000000000000010"),
        ("post", "ffffffff-ffff-ffff-ffff-ffffffffffff", "post_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("prefix", "0110c853-1d09-52d8-d73e-1194e95b5f19", "prefix_0123456789abcdefghjkmnpqrs"),
        ("prefix", "01890a5d-ac96-774b-bcce-b302099a8057", "prefix_01h455vb4pex5vsknk084sn02q"),
        ("pre_fix", "00000000-0000-0000-0000-000000000000", f"pre_fix_{ZEROS}"),
    ],
)
def test_the_specifications_examples_read_the_same_in_both_directions(
    prefix: str, uuid: str, text: str
) -> None:
    assert to_typeid(prefix, UUID(uuid)) == text
    assert from_typeid(prefix, text) == UUID(uuid)


@pytest.mark.parametrize(
    "text",
    [
        f"PREFIX_{ZEROS}",
        f"12345_{ZEROS}",
        f"pre.fix_{ZEROS}",
        f"préfix_{ZEROS}",
        f"  prefix_{ZEROS}",
        f"_{ZEROS}",
        f"_prefix_{ZEROS}",
        f"prefix__{ZEROS}",
        f"post_{ZEROS}",
        "_",
        "",
        "prefix",
        "prefix_",
        "prefix_1234567890123456789012345",
        "prefix_123456789012345678901234567",
        "prefix_1234567890123456789012345 ",
        "prefix_0123456789ABCDEFGHJKMNPQRS",
        "prefix_123456789-123456789-123456",
        "prefix_ooooooiiiiiiuuuuuuulllllll",
        "prefix_i23456789ol23456789oi23456",
        "prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "prefix_٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥",
        "01890a5d-ac96-774b-bcce-b302099a805",
    ],
)
def test_what_is_no_id_of_this_kind_is_refused(text: str) -> None:
    with pytest.raises(BadId):
        from_typeid("prefix", text)


def test_the_same_id_without_its_prefix_is_taken_as_a_plain_uuid() -> None:
    text = "01890a5d-ac96-774b-bcce-b302099a8057"

    assert from_typeid("post", text) == UUID(text)


@pytest.mark.parametrize(
    "text",
    [
        "{01890a5d-ac96-774b-bcce-b302099a8057}",
        "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
        "01890a5dac96774bbcceb302099a8057",
        "01890a5d-ac96774bbcce-b302099a-8057",
        "01890a5d-ac96-774b-bcce-b302099a8057\n",
    ],
)
def test_a_uuid_is_read_in_its_usual_form_alone(text: str) -> None:
    with pytest.raises(BadId):
        from_typeid("post", text)


def near(text: str) -> st.SearchStrategy[str]:
    """The text, and what differs from it in one character."""
    places = st.integers(0, len(text) - 1)
    other = st.sampled_from(f"{ALPHABET}{ALPHABET.upper()}-_ilou89\n")
    return st.just(text) | st.builds(
        lambda at, character: text[:at] + character + text[at + 1 :], places, other
    )


@given(st.uuids().flatmap(lambda value: near(to_typeid("post", value)) | near(str(value))))
def test_what_is_read_and_what_is_written_is_also_said_by_patterns(text: str) -> None:
    try:
        value = from_typeid("post", text)
    except BadId:
        assert not re.search(read_pattern("post"), text) or text.endswith("\n")
        return

    assert re.search(read_pattern("post"), text)
    assert bool(re.search(written_pattern("post"), text)) == (text == to_typeid("post", value))


@given(PREFIXES, st.uuids())
def test_every_id_survives_the_round_trip(prefix: str, value: UUID) -> None:
    text = to_typeid(prefix, value)

    assert from_typeid(prefix, text) == value
    assert set(text.removeprefix(f"{prefix}_")) <= set(ALPHABET)


@given(st.uuids(), st.uuids())
def test_ids_sort_as_their_values_do(one: UUID, other: UUID) -> None:
    assert (to_typeid("post", one) < to_typeid("post", other)) == (one < other)


@pytest.fixture
def _first_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No id has been made yet: the counter belongs to the process."""
    monkeypatch.setattr(ids, "_last", (0, 0))


first_of_the_process = pytest.mark.usefixtures("_first_of_the_process")


@first_of_the_process
def test_a_new_id_is_a_uuid_of_version_7_that_tells_its_moment() -> None:
    made = new_id(AT)

    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == to_epoch_ms(AT)


@first_of_the_process
def test_ids_of_one_millisecond_grow_also_when_the_counter_runs_over() -> None:
    made = [new_id(AT) for _ in range(10_000)]

    assert made == sorted(set(made))
    assert {each.version for each in made} == {7}
    assert made[-1].int >> 80 <= to_epoch_ms(AT) + 10_000 // 2**ids._COUNTER_BITS + 1


@first_of_the_process
def test_ids_grow_also_when_the_clock_is_set_back() -> None:
    before = new_id(AT)

    after = new_id(AT - timedelta(hours=1))

    assert after > before


@first_of_the_process
def test_threads_never_make_the_same_id() -> None:
    made: list[UUID] = []

    def make() -> None:
        made.extend(new_id(AT) for _ in range(2_000))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 8_000
