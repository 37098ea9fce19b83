"""What the guarded client sends, where to, and what it takes back."""

import asyncio
import gzip
from datetime import timedelta

import pytest

from loopback import Names, answering, endless, hang, serving
from oncue.lib.addresses import NOT_PUBLIC, Allowed, NotAllowed
from oncue.lib.fence import SystemResolver
from oncue.lib.outbound import ANSWER_BYTES, GuardedClient, Unreachable

pytestmark = pytest.mark.anyio

SOON = timedelta(seconds=5)
SHORT = timedelta(seconds=0.2)
LOOPBACK = Allowed.parse("127.0.0.1")


def client(**names: list[list[str]]) -> GuardedClient:
    """A client that may reach 127.0.0.1, and to which names mean what is given."""
    return GuardedClient(LOOPBACK, resolver=Names(**names), ports=range(65536))


async def test_a_body_arrives_with_its_headers_and_the_answer_comes_back() -> None:
    answer = answering(429, b"slow down", retry_after="7", X_Trace="abc")
    async with serving(answer) as receiver:
        answered = await client().post(
            f"{receiver.url}/hook?a=b", b'{"a": 1}', {"content-type": "application/json"}, SOON
        )

    assert answered.status == 429
    assert answered.headers == {"content-length": "9", "retry-after": "7", "x-trace": "abc"}
    assert answered.retry_after == "7"
    assert answered.body_start == b"slow down"
    assert timedelta() < answered.latency < SOON
    [asked] = receiver.asked
    assert asked.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert b"\r\ncontent-type: application/json\r\n" in asked
    assert b"\r\nAccept-Encoding: identity\r\n" in asked
    assert asked.endswith(b'\r\n\r\n{"a": 1}')


async def test_a_name_is_looked_up_once_and_its_judged_address_is_the_one_connected_to() -> None:
    names = Names(hooks_test=[["127.0.0.1"], ["10.0.0.1"]])
    guarded = GuardedClient(LOOPBACK, resolver=names, ports=range(65536))
    async with serving(answering()) as receiver:
        answered = await guarded.post(f"http://hooks.test:{receiver.port}/", b"", {}, SOON)

    assert answered.status == 200
    assert names.asked == ["hooks.test"]
    assert f"\r\nHost: hooks.test:{receiver.port}\r\n".encode() in receiver.asked[0]


async def test_a_name_that_turns_private_after_it_was_accepted_is_not_called() -> None:
    guarded = client(hooks_test=[["93.184.216.34"], ["169.254.169.254"]])
    await guarded.check("https://hooks.test/", https_only=True)

    with pytest.raises(NotAllowed, match=NOT_PUBLIC):
        await guarded.post("https://hooks.test/", b"", {}, SOON)


@pytest.mark.parametrize(
    "answers", [["10.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["::1"]]
)
async def test_a_name_with_one_denied_answer_is_neither_accepted_nor_called(
    answers: list[str],
) -> None:
    guarded = client(hooks_test=[answers])

    with pytest.raises(NotAllowed, match=NOT_PUBLIC):
        await guarded.check("https://hooks.test/", https_only=True)
    with pytest.raises(NotAllowed, match=NOT_PUBLIC):
        await guarded.post("https://hooks.test/", b"", {}, SOON)


async def test_open_and_closed_private_ports_are_refused_in_the_same_words(free_port: int) -> None:
    guarded = GuardedClient(Allowed(), resolver=Names(box_test=[["127.0.0.1"]]))
    refusals = set()

    async with serving(answering()) as private:
        for port in (private.port, free_port, 443):
            for host in ("127.0.0.1", "10.0.0.1"):
                with pytest.raises(NotAllowed) as refusal:
                    await guarded.post(f"http://{host}:{port}/", b"", {}, SOON)
                refusals.add(str(refusal.value))
        with pytest.raises(NotAllowed) as refusal:
            await guarded.post("http://box.test/", b"", {}, SOON)

    assert refusals | {str(refusal.value)} == {NOT_PUBLIC}
    assert private.asked == []


async def test_a_name_without_an_address_is_accepted_but_cannot_be_called() -> None:
    await client().check("https://not-yet.test/", https_only=True)

    with pytest.raises(Unreachable, match="its host has no address"):
        await client().post("https://not-yet.test/", b"", {}, SOON)


async def test_a_host_the_operator_names_is_called_wherever_it_is() -> None:
    guarded = GuardedClient(Allowed.parse("n8n"), resolver=Names(n8n=[["127.0.0.1"]]))
    async with serving(answering(204)) as receiver:
        await guarded.check(f"http://n8n:{receiver.port}/", https_only=True)
        answered = await guarded.post(f"http://n8n:{receiver.port}/", b"", {}, SOON)

    assert answered.status == 204


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    guarded = GuardedClient(
        Allowed.parse("127.0.0.1 ::1"),
        resolver=Names(both_test=[["::1", "127.0.0.1"]]),
        ports=range(65536),
    )
    async with serving(answering()) as receiver:
        answered = await guarded.post(f"http://both.test:{receiver.port}/", b"", {}, SOON)

    assert answered.status == 200


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering()) as proxy, serving(answering(201)) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        answered = await client().post(f"{receiver.url}/", b"", {}, SOON)

    assert answered.status == 201
    assert proxy.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    async with (
        serving(answering()) as other,
        serving(answering(status, location=f"{other.url}/")) as receiver,
    ):
        answered = await client().post(f"{receiver.url}/", b"secret", {}, SOON)

    assert answered.status == status
    assert other.asked == []


async def test_cookies_are_not_kept() -> None:
    guarded = client()
    async with serving(answering(set_cookie="a=b")) as receiver:
        await guarded.post(f"{receiver.url}/", b"", {}, SOON)
        await guarded.post(f"{receiver.url}/", b"", {}, SOON)

    assert len(receiver.asked) == 2
    assert not any(b"cookie" in asked.lower() for asked in receiver.asked)


async def test_a_receiver_that_does_not_answer_is_left_at_the_deadline() -> None:
    async with serving(hang) as receiver:
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 seconds"):
            await client().post(f"{receiver.url}/", b"", {}, SHORT)


async def test_a_name_server_that_does_not_answer_is_left_at_the_deadline() -> None:
    async def silent(_name: str) -> list[str]:
        await hang(None)  # type: ignore[arg-type]
        return []

    with pytest.raises(Unreachable, match="no answer within"):
        await GuardedClient(LOOPBACK, resolver=silent).post("https://a.test/", b"", {}, SHORT)


async def test_headers_that_drip_do_not_hold_the_deadline_up() -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    async with serving(endless(head)) as receiver:
        with pytest.raises(Unreachable):
            await client().post(f"{receiver.url}/", b"", {}, SOON)


async def test_of_an_endless_body_only_the_beginning_is_read() -> None:
    async with serving(endless(b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
        answered = await client().post(f"{receiver.url}/", b"", {}, SOON)

    assert answered.status == 200
    assert answered.body_start == b"x" * ANSWER_BYTES


async def test_a_body_that_does_not_end_in_time_leaves_the_status_standing() -> None:
    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await hang(writer)

    async with serving(half) as receiver:
        answered = await client().post(f"{receiver.url}/", b"", {}, SHORT)

    assert (answered.status, answered.body_start) == (200, b"half")


async def test_a_body_that_breaks_off_leaves_the_status_standing() -> None:
    async with serving(b"HTTP/1.1 500 Oh\r\ncontent-length: 100\r\n\r\nhalf") as receiver:
        answered = await client().post(f"{receiver.url}/", b"", {}, SOON)

    assert (answered.status, answered.body_start) == (500, b"half")


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    async with serving(answering(200, bomb, content_encoding="gzip")) as receiver:
        answered = await client().post(f"{receiver.url}/", b"", {}, SOON)

    assert answered.body_start == bomb[:ANSWER_BYTES]


@pytest.mark.parametrize(
    "headers",
    [
        b"".join(b"x-%d: %s\r\n" % (number, b"y" * 400) for number in range(25)),
        b"x-long: " + b"y" * 9_000 + b"\r\n",
        b"".join(b"x-%d: y\r\n" % number for number in range(1_500)),
    ],
)
async def test_an_answer_with_more_than_8_kib_of_headers_is_no_answer(headers: bytes) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n") as receiver:
        with pytest.raises(Unreachable):
            await client().post(f"{receiver.url}/", b"", {}, SOON)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "the connection broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "its answer is not HTTP that can be read"),
        (b"HTTP/1.1 999999 Much\r\n\r\n", "its answer is not HTTP that can be read"),
    ],
)
async def test_what_is_no_answer_is_said_in_words(answer: bytes, words: str) -> None:
    async with serving(answer) as receiver:
        with pytest.raises(Unreachable, match=words):
            await client().post(f"{receiver.url}/", b"", {}, SOON)


async def test_a_closed_port_accepts_no_connection(free_port: int) -> None:
    with pytest.raises(Unreachable, match="it accepts no connection"):
        await client().post(f"http://127.0.0.1:{free_port}/", b"", {}, SOON)


async def test_the_systems_own_answers_are_judged_as_well() -> None:
    resolver = SystemResolver()
    guarded = GuardedClient(Allowed(), resolver=resolver)

    with pytest.raises(NotAllowed, match=NOT_PUBLIC):
        await guarded.check("https://localhost/", https_only=True)
    resolver.close()
