"""What comes to the webhook from anybody but Telegram: it is refused, and has no effect."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chat.webhook import LARGEST, SECRET_HEADER
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat_webhook import Admin, rows
from tests.chat_driver import SECRET, WebhookPerson


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["wrong"],
        [SECRET[:-1]],
        [f"{SECRET}x"],
        [SECRET.upper()],
        [SECRET.swapcase()],
        [SECRET[1:]],
        [SECRET, SECRET],
        [SECRET, "wrong"],
        ["wrong", SECRET],
        [f"{SECRET}, {SECRET}"],
        [f"{SECRET}\xe9"],
        ["x" * 10_000],
    ],
)
async def test_whoever_does_not_know_the_secret_does_nothing(
    posted: WebhookPerson, admin: Admin, given: Sequence[str]
) -> None:
    headers = [(SECRET_HEADER.encode(), value.encode("latin-1")) for value in given]

    answer = await posted.posts.post("/telegram", json=posted.made.words("/start"), headers=headers)

    assert answer.status_code == 403
    assert (rows(admin), posted.server.log) == ([], [])


async def test_the_secret_counts_in_its_header_alone(posted: WebhookPerson, admin: Admin) -> None:
    update = posted.made.words("/start") | {"secret_token": SECRET}
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"{SECRET_HEADER}={SECRET}", f"{SECRET_HEADER}-": SECRET}

    answer = await posted.posts.post("/telegram", json=update, headers=headers, params={SECRET_HEADER: SECRET})

    assert answer.status_code == 403
    assert rows(admin) == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("POST", "/telegram/", 404),
        ("POST", "/Telegram", 404),
        ("POST", "/telegram/x", 404),
        ("GET", "/telegram", 405),
        ("PUT", "/telegram", 405),
        ("DELETE", "/telegram", 405),
        ("GET", "/docs", 404),
    ],
)
async def test_there_is_one_address_and_one_method(
    posted: WebhookPerson, admin: Admin, method: str, path: str, status: int
) -> None:
    answer = await posted.posts.request(method, path, json=posted.made.words("/start"), headers={SECRET_HEADER: SECRET})

    assert answer.status_code == status
    assert rows(admin) == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_only_json_is_taken(posted: WebhookPerson, admin: Admin, kind: str) -> None:
    headers = {SECRET_HEADER: SECRET, "Content-Type": kind}

    answer = await posted.posts.post("/telegram", content=b'{"update_id": 1}', headers=headers)

    assert answer.status_code == 415
    assert rows(admin) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"7", 400),
        (b'"update_id"', 400),
        (b"{}", 400),
        (b'{"update_id": "1"}', 400),
        (b'{"update_id": 1, "message": 5}', 400),
        (b'{"update_id": 1, "message": {"message_id": 1, "date": 1e99, "chat": {"id": 1, "type": "private"}}}', 400),
        (b'{"update_id": ' + b"9" * 5_000 + b"}", 400),
        (b'\xff\xfe{"update_id": 1}', 400),
        (b"[" * 900_000, 400),
        (b'{"a":' * 150_000, 400),
        (b'{"update_id": 1, "x": "' + b"x" * LARGEST + b'"}', 413),
    ],
)
async def test_what_is_no_update_or_too_large_is_refused(
    posted: WebhookPerson, admin: Admin, body: bytes, status: int
) -> None:
    headers = {SECRET_HEADER: SECRET, "Content-Type": "application/json"}

    answer = await posted.posts.post("/telegram", content=body, headers=headers)

    assert answer.status_code == status
    assert (rows(admin), posted.server.log) == ([], [])
    assert "full name?" in await posted.says("/start")  # and nothing is worse afterwards


async def test_huge_posts_are_refused_and_hold_up_no_other(posted: WebhookPerson, admin: Admin) -> None:
    secrets = [SECRET, "wrong"] * 3
    huge = [
        asyncio.create_task(
            posted.posts.post(
                "/telegram",
                content=bytes(10_000_000),
                headers={SECRET_HEADER: secret, "Content-Type": "application/json"},
            )
        )
        for secret in secrets
    ]

    assert "full name?" in await posted.says("/start")
    assert [(await answer).status_code for answer in huge] == [413, 403] * 3
    assert len(rows(admin)) == 1


async def dripping(person: WebhookPerson) -> asyncio.StreamWriter:
    """A post with the right secret whose body never comes to its end."""
    _, writer = await asyncio.open_connection("127.0.0.1", person.port)
    head = f"POST /telegram HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
    await writer.drain()
    return writer


async def test_a_post_that_drips_holds_up_no_other(posted: WebhookPerson) -> None:
    slow = [await dripping(posted) for _ in range(20)]

    assert "full name?" in await asyncio.wait_for(posted.says("/start"), 1)
    for writer in slow:
        writer.close()


@pytest.mark.slow  # waits for the grace to end
async def test_a_post_that_never_ends_does_not_keep_the_server_from_ending(database: Database, sop: Sop) -> None:
    person = WebhookPerson(database, sop)
    await person.comes()
    writer = await dripping(person)

    await asyncio.wait_for(person.leaves(), 15)
    writer.close()
