"""The terminal as it really is: standard input and output, pipes and terminals, and what it does with odd input."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import pty
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from booking.records import agenda_file
from chat.logs import HideToken, protect_logs
from chat.terminal import ADMIN_ID, Console, TerminalRequest
from config import parse_sop
from sop import Sop
from supabase_db import Database
from telegram_bot import AdminBot
from tests.acceptance.test_chat import ANSWERS, only_candidate
from tests.chat_driver import NOW, TerminalPerson


async def typed(database: Database, sop: Sop, data: bytes) -> str:
    """What the terminal shows when this is piped into it."""
    source, sink = os.pipe()
    os.write(sink, data)
    os.close(sink)
    stop, shown = asyncio.Event(), io.StringIO()
    console = Console(source, shown)
    request = TerminalRequest(
        read_line=console.read_line,
        write=console.write,
        ended=stop.set,
        last_update=await database.last_update_id(),
        outbox=Path("/nowhere"),
    )

    async def current() -> Sop:
        return sop

    bot = AdminBot(
        token="1:terminal",
        db=database,
        sop=current,
        admins=[ADMIN_ID],
        request=request,
        pace=0,
        clock=lambda: NOW,
        ics=agenda_file,
        parse=parse_sop,
    )
    async with bot:
        await asyncio.wait_for(bot.poll(stop), 10)
    os.close(source)
    return shown.getvalue()


async def test_a_script_can_be_piped_in(database: Database, sop: Sop) -> None:
    shown = await typed(database, sop, "\n".join(["/start", *ANSWERS, "1"]).encode())

    assert shown.startswith("\n  The bot: /start takes in a candidate, /help says more.")
    assert "\n> Priya Nair\n" in shown
    assert "  Queued" not in shown
    assert "⏳ Queued, no. 1." in shown
    assert shown.endswith("\n  Goodbye. Everything is kept, and the next start goes on from here.\n")
    assert (await only_candidate(database))["name"] == "Priya Nair"


async def test_a_conversation_goes_on_in_the_next_session_with_rising_numbers(database: Database, sop: Sop) -> None:
    await typed(database, sop, b"/start\nPriya Nair\n")
    first = await database.last_update_id()
    shown = await typed(database, sop, b"priya@example.com\n")

    assert "Which course?" in shown
    assert first is not None
    assert (await database.last_update_id() or 0) > first


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n  \n",
        b"\xff\xfe\x00\n\x80",
        b"/status Pri\0ya\n",
        b"9" * 20 + b"\n",
        "٣\n".encode(),
        b"/\n/start@other\n",
    ],
)
async def test_odd_input_is_borne(database: Database, sop: Sop, data: bytes) -> None:
    shown = await typed(database, sop, data)

    assert shown.endswith("the next start goes on from here.\n")
    assert "went wrong" not in shown


async def test_a_number_is_a_button_only_where_there_is_one(database: Database, sop: Sop) -> None:
    person = TerminalPerson(database, sop)
    await person.comes()
    await person.says("/start")
    assert "at least one letter" in await person.says("1")
    await person.says("Priya Nair")
    await person.says("priya@example.com")

    assert "Did you mean" not in await person.says("99")
    assert "Course: Data Engineering" in await person.says("2")
    assert await person.taps("Next week") != ""
    await person.leaves()


async def test_a_month_is_printed_in_columns_and_its_days_are_pressed_by_their_numbers(
    admin_at_terminal: TerminalPerson,
) -> None:
    for text in ("/start", *ANSWERS[:3]):
        await admin_at_terminal.says(text)
    await admin_at_terminal.taps("Pick dates")

    assert (await admin_at_terminal.taps("Dec ›")).split("\n") == [
        "Between which dates can the interviews be?",
        "Tap the first day, then the last.",
        "* is a holiday, without interviews: Fri 25 Dec.",
        "",
        "[32] ‹ Nov   December 2026   [33] Jan ›",
        "Mon    Tue    Wed    Thu    Fri     Sat    Sun",
        "       [1]    [2]    [3]    [4]     [5]    [6]",
        "[7]    [8]    [9]    [10]   [11]    [12]   [13]",
        "[14]   [15]   [16]   [17]   [18]    [19]   [20]",
        "[21]   [22]   [23]   [24]   [25*]   [26]   [27]",
        "[28]   [29]   [30]   [31]",
        "[34] Back",
    ]
    assert "[✓25*]" in await admin_at_terminal.says("25")
    assert "Dates: Fri 25 Dec 2026 to Thu 31 Dec 2026 (7 days)" in await admin_at_terminal.says("31")


async def test_a_message_that_comes_while_typing_does_not_swallow_the_prompt() -> None:
    inside, outside = pty.openpty()
    shown = io.StringIO()
    console = Console(outside, shown)

    reading = asyncio.create_task(console.read_line())
    await asyncio.sleep(0.05)
    console.write("\n  News.\n")
    os.write(inside, "Åsa\n".encode())

    assert await asyncio.wait_for(reading, 5) == "Åsa"
    assert shown.getvalue() == "\n> \n  News.\n\n> "
    os.close(inside)
    os.close(outside)


async def test_long_lines_are_broken_between_words_and_stay_under_each_other() -> None:
    inside, outside = pty.openpty()
    termios.tcsetwinsize(outside, (24, 40))
    shown = io.StringIO()

    Console(outside, shown).write(
        "\n  Ravi Menon is only free 24 to 25 Nov, out of reach of Core Java.\n  [1] Yes   [2] No\n"
    )

    assert shown.getvalue() == (
        "\n  Ravi Menon is only free 24 to 25\n    Nov, out of reach of Core Java.\n  [1] Yes   [2] No\n"
    )
    os.close(inside)
    os.close(outside)


async def test_signs_that_the_terminal_cannot_show_are_replaced() -> None:
    raw = io.BytesIO()
    console = Console(0, io.TextIOWrapper(raw, encoding="ascii"))

    console.write("✅ Åsa")

    assert raw.getvalue() == b"? ?sa"


async def test_waiting_for_a_line_never_keeps_the_program_from_ending() -> None:
    script = (
        "import asyncio\nfrom chat.terminal import Console\n"
        "async def main():\n"
        "    reading = asyncio.create_task(Console().read_line())\n"
        "    await asyncio.sleep(0.2)\n"
        "    reading.cancel()\n"
        "asyncio.run(main())\nprint('ended')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None

    said = await asyncio.wait_for(process.stdout.read(), 15)

    assert (said.strip(), await process.wait()) == (b"ended", 0)


async def test_a_method_it_does_not_have_is_refused_as_telegram_refuses_it() -> None:
    async def nothing() -> str | None:
        return None

    request = TerminalRequest(
        read_line=nothing, write=lambda text: None, ended=lambda: None, last_update=None, outbox=Path()
    )

    status, body = await request.do_request("https://api.telegram.org/bot1:X/sendDice", "POST")

    assert (status, json.loads(body)["ok"]) == (404, False)


# The token stays out of the logs ------------------------------------------------------------------------------------------------


def fail(words: str) -> None:
    raise ValueError(words)


def test_the_token_is_hidden_in_lines_and_in_tracebacks() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(HideToken("123:secret"))
    logger = logging.Logger("test")
    logger.addHandler(handler)

    try:
        fail("GET https://api.telegram.org/bot123:secret/getMe")
    except ValueError:
        logger.exception("call of %s failed", "bot123:secret")

    assert "123:secret" not in stream.getvalue()
    assert "call of bot<token> failed" in stream.getvalue()
    assert "api.telegram.org/bot<token>/getMe" in stream.getvalue()


def test_every_handler_hides_the_token_once_and_libraries_are_quiet(caplog: pytest.LogCaptureFixture) -> None:
    protect_logs("123:canary")
    protect_logs("123:canary")

    logging.getLogger("anything").warning("POST https://api.telegram.org/bot123:canary/sendMessage")

    assert "123:canary" not in caplog.text
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    filters: list[Any] = [
        one for one in caplog.handler.filters if isinstance(one, HideToken) and one.token == "123:canary"
    ]
    assert len(filters) == 1
