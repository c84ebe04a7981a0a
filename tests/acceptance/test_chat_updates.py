"""What the bot does with updates: each has its effect once, also when it comes again, when the bot dies, when calls fail."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from telegram import Update

from chat.intake import STALE
from sop import Sop
from supabase_db import Database
from tests.acceptance.test_chat import ANSWERS
from tests.chat_driver import ADMIN, NOW, Person, TelegramPerson, TerminalPerson, updates_of
from tests.fakes.telegram import Json, Refused, Shown, TelegramServer

# A conversation with a wrong answer, taps, an edit and looks elsewhere; [..] is a tap.
SCRIPT = (
    "/start", "Priya Nair", "priya@", "priya@example.com", "[Java Full]", "/queue", "[Pick dates]", "[·]", "[Dec ›]", "[1]",
    "[12]", "[Done]", "[09:00-12:00]", "[Sat]", "[Sat]", "[Done]", "[Choose by country]", "[I]", "[India]", "[Email]",
    "p.nair@example.com", "[Blocked]", "[Keep it]", "[Blocked]", "[Pick dates]", "[5]", "[7]", "[5]", "[Done]", "[Confirm]",
    "/status Nair", "/help",
)  # fmt: skip


async def play(person: Person) -> list[str]:
    for said in SCRIPT:
        await (person.taps(said[1:-1]) if said.startswith("[") else person.says(said))
    return person.transcript


async def count(db: Database) -> int:
    return int((await db.show_candidate(needle="@"))["count"])


async def audited(db: Database, action: str) -> int:
    return sum(row["action"] == action for row in await db.audit_trail(limit=1_000))


# Death and repetition ----------------------------------------------------------------------------------------------------------


async def test_a_bot_that_dies_before_every_update_holds_the_same_conversation(database: Database, sop: Sop) -> None:
    mortal = TelegramPerson(database, sop, mortal=True)
    await mortal.comes()
    transcript = await play(mortal)
    await mortal.leaves()

    assert "Queued, no. 1" in "".join(transcript)
    assert await count(database) == 1
    assert [said for said in transcript if said.startswith("> ")] == [f"> {said}" for said in SCRIPT]
    assert not any("went wrong" in said or "done its work" in said for said in transcript)


async def test_it_is_the_conversation_of_a_bot_that_lives(
    admin_in_telegram: TelegramPerson, database: Database, sop: Sop
) -> None:
    alive = await play(admin_in_telegram)
    found = await database.show_candidate(needle="@")
    await database.cancel_candidate(candidate_id=found["matches"][0]["id"], actor="test")
    mortal = TelegramPerson(database, sop, mortal=True)
    mortal.made = updates_of(numbers=itertools.count(9_000))
    await mortal.comes()
    died = [said.replace("1 cancelled", "0 cancelled") for said in await play(mortal)]
    await mortal.leaves()

    confirmed = alive.index("> [Confirm]") + 2  # what comes after it, /status, finds two by now
    assert died[:confirmed] == alive[:confirmed]
    assert await count(database) == 2


async def test_a_terminal_that_is_killed_goes_on_with_the_next_answer(database: Database, sop: Sop) -> None:
    person = TerminalPerson(database, sop)
    for answer in ("/start", *ANSWERS, "go on"):
        await person.comes()
        await person.says(answer)
        await person.dies()
    await person.comes()
    await person.says("go on")

    assert "Queued, no. 1" in await person.taps("Confirm")
    await person.leaves()
    assert person.printed.endswith("the next start goes on from here.\n")
    assert await count(database) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_updates_that_come_up_to_five_times_have_their_effect_once(
    admin_in_telegram: TelegramPerson, database: Database, seed: int
) -> None:
    lots = random.Random(seed)
    await play(admin_in_telegram)
    once = list(admin_in_telegram.server.log)
    state, toasts = await database.bot_state(chat_id=admin_in_telegram.user), list(admin_in_telegram.server.toasts)

    again = [update for update in admin_in_telegram.sent for _ in range(lots.randint(0, 4))]
    lots.shuffle(again)
    for update in again:
        assert await admin_in_telegram.feed(update) == ""

    assert admin_in_telegram.server.log == once
    assert admin_in_telegram.server.toasts == toasts
    assert (await count(database), await audited(database, "enqueued")) == (1, 1)
    assert await database.bot_state(chat_id=admin_in_telegram.user) == state


async def test_repeats_in_the_middle_of_a_conversation_change_nothing(
    admin_in_telegram: TelegramPerson, database: Database
) -> None:
    for said in SCRIPT:
        await (admin_in_telegram.taps(said[1:-1]) if said.startswith("[") else admin_in_telegram.says(said))
        for update in admin_in_telegram.sent[-3:]:
            await admin_in_telegram.bot.application.process_update(
                Update.de_json(update, admin_in_telegram.bot.application.bot)
            )

    assert "Queued, no. 1" in "".join(admin_in_telegram.transcript)
    assert await count(database) == 1


async def test_double_taps_queue_a_candidate_once(admin_in_telegram: TelegramPerson, database: Database) -> None:
    for text in ("/start", *ANSWERS):
        await admin_in_telegram.says(text)
    confirm, message = admin_in_telegram.button("Confirm")

    taps = [admin_in_telegram.made.tap(confirm, message) for _ in range(20)]
    bot = admin_in_telegram.bot.application
    await asyncio.gather(*(bot.process_update(Update.de_json(tap, bot.bot)) for tap in taps))

    assert (await count(database), await audited(database, "enqueued")) == (1, 1)
    shown = [message.text for message in admin_in_telegram.server.log if "no. " in message.text]
    assert all(text.endswith("Queued, no. 1. I will write here when there is a result.") for text in shown)


async def test_old_buttons_do_nothing_and_say_so(admin_in_telegram: TelegramPerson, database: Database) -> None:
    for text in ("/start", *ANSWERS[:2]):
        await admin_in_telegram.says(text)
    course = admin_in_telegram.button("Data Engineering")
    await admin_in_telegram.says("java")
    before = await database.bot_state(chat_id=admin_in_telegram.user)

    for data, message in (course, ("i:zz:1:0", 1), ("x", 1), ("i", 1)):
        toast = await admin_in_telegram.feed(admin_in_telegram.made.tap(data, message))
        assert toast == "(That button has done its work. Please use the newest message.)"

    assert await database.bot_state(chat_id=admin_in_telegram.user) == before


@pytest.mark.parametrize("label", ["Confirm", "Blocked"])
async def test_an_intake_button_that_is_not_as_it_was_made_does_nothing(
    database: Database, sop: Sop, label: str
) -> None:
    person = TelegramPerson(database, sop, admins=(ADMIN, ADMIN + 1))
    other = TelegramPerson(database, sop, user=ADMIN + 1, admins=(ADMIN, ADMIN + 1), server=person.server)
    other.made = updates_of(ADMIN + 1, numbers=itertools.count(90_000))
    await person.comes()
    await other.comes()
    for text in ("/start", *ANSWERS):
        await person.says(text)
        await other.says(text)
    old = person.made.tap(*person.button(label))
    for text in ("/start", *ANSWERS):
        await person.says(text)
    good, message = person.button(label)
    theirs = {str(key["callback_data"]) for key in itertools.chain(*person.server.messages[message].rows)}
    mutated = {good[:at] + sign + good[at + 1 :] for at in range(len(good)) for sign in "019azi:"} - theirs
    before = [await database.bot_state(chat_id=user) for user in (ADMIN, ADMIN + 1)]

    heard = [await person.feed(person.made.tap(data, message)) for data in sorted(mutated)]
    heard += [await person.feed(old), await other.feed(other.made.tap(good, message))]

    assert set(heard) == {f"({STALE})"}
    assert [await database.bot_state(chat_id=user) for user in (ADMIN, ADMIN + 1)] == before
    assert await count(database) == 0
    await other.leaves()
    await person.leaves()


async def test_a_picker_stays_in_one_message_and_days_that_cannot_be_tapped_say_why(
    admin_in_telegram: TelegramPerson, database: Database
) -> None:
    for text in ("/start", *ANSWERS[:3]):
        await admin_in_telegram.says(text)
    messages = len(admin_in_telegram.server.messages)

    for label in ("Pick dates", "Dec ›", "Jan ›", "8", "‹ Dec", "‹ Nov"):
        assert (await admin_in_telegram.taps(label)).startswith("Between which dates")
    before = await database.bot_state(chat_id=admin_in_telegram.user)
    assert await admin_in_telegram.taps("·") == "(That day has passed.)"
    assert await admin_in_telegram.taps("Mon") == "(Tap one of the days.)"

    assert len(admin_in_telegram.server.messages) == messages
    assert await database.bot_state(chat_id=admin_in_telegram.user) == before


async def test_what_is_no_text_is_answered_and_edited_messages_are_left_alone(
    admin_in_telegram: TelegramPerson,
) -> None:
    await admin_in_telegram.says("/start")

    assert "I can only read text here." in await admin_in_telegram.feed(admin_in_telegram.made.sticker())
    edited = admin_in_telegram.made.words("Priya Nair")
    edited["edited_message"] = edited.pop("message") | {"edit_date": 1_767_600_001}
    assert await admin_in_telegram.feed(edited) == ""


# “Queued” is said only after the commit, and is not lost ----------------------------------------------------------------------


class StoppedServer(TelegramServer):
    """Stops everything at the moment a message is to be shown, as a kill would."""

    def __init__(self) -> None:
        super().__init__()
        self.stop_at, self.stopped = "", asyncio.Event()

    def _shown(self, message: Shown) -> Json:
        if self.stop_at and self.stop_at in message.text:
            self.stopped.set()
            raise Refused(502, "Bad Gateway")
        return super()._shown(message)


async def test_a_bot_that_dies_between_commit_and_reply_says_it_after_the_restart(database: Database, sop: Sop) -> None:
    person = TelegramPerson(database, sop, server=StoppedServer())
    await person.comes()
    for text in ("/start", *ANSWERS):
        await person.says(text)
    assert isinstance(person.server, StoppedServer)
    person.server.stop_at = "Queued"

    assert "Queued" not in await person.taps("Confirm")
    assert person.server.stopped.is_set()
    assert await count(database) == 1  # committed, and nobody told
    await person.leaves()
    person.bot, person.server.stop_at = person.new_bot(), ""
    await person.comes()

    assert "Queued, no. 1" in await person.feed(person.sent[-1])
    assert await person.feed(person.sent[-1]) == ""
    assert await count(database) == 1
    await person.leaves()


async def test_nothing_is_said_of_a_candidate_who_is_not_in_the_database(database: Database, sop: Sop) -> None:
    """The server looks into the database at the moment it is told: the row is there."""
    seen: list[int] = []

    class LookingServer(TelegramServer):
        async def do_request(self, url: str, *args: object, **kwargs: object) -> tuple[int, bytes]:
            before = len(self.log)
            answer = await super().do_request(url, *args, **kwargs)  # type: ignore[arg-type]  # passed on as it came
            if any("Queued" in message.text for message in self.log[before:]):
                seen.append(await count(database))
            return answer

    person = TelegramPerson(database, sop, server=LookingServer())
    await person.comes()
    for text in ("/start", *ANSWERS):
        await person.says(text)
    await person.taps("Confirm")
    await person.leaves()

    assert seen == [1]


# Reading updates --------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def polled(admin_in_telegram: TelegramPerson) -> AsyncIterator[TelegramPerson]:
    """An admin whose bot reads its updates from the server by itself."""
    stop = asyncio.Event()
    polling = asyncio.create_task(admin_in_telegram.bot.poll(stop))
    yield admin_in_telegram
    stop.set()
    with suppress(Exception):
        await asyncio.wait_for(polling, 5)


def put(person: TelegramPerson, *texts: str) -> list[int]:
    """Leave messages with the server; the numbers of their updates."""
    updates = [person.made.words(text) for text in texts]
    person.server.updates |= {update["update_id"]: update for update in updates}
    return [update["update_id"] for update in updates]


async def test_updates_are_read_in_order_and_confirmed_after_their_effect(polled: TelegramPerson) -> None:
    numbers = put(polled, "/start", "Priya Nair", "priya@example.com")

    await polled.server.shows("Which course?")
    await asyncio.sleep(0.1)

    assert polled.server.offsets[0] is None
    assert polled.server.offsets[-1] == numbers[-1] + 1
    assert polled.server.updates == {}


async def test_an_update_whose_reply_cannot_be_sent_is_not_confirmed_until_it_is(polled: TelegramPerson) -> None:
    polled.server.refuse("sendMessage", None, Refused(502, "Bad Gateway"), Refused(502, "Bad Gateway"))
    numbers = put(polled, "/start", "Priya Nair", "priya@example.com")

    await polled.server.shows("Which course?")

    told = [message.text for message in polled.server.log]
    assert [text.split("\n")[-1] for text in told] == [
        "What is the candidate's full name?",
        "What is the email address of Priya Nair?",
        "Which course?",
    ]
    assert polled.server.offsets.count(numbers[0] + 1) >= 2


async def test_replies_that_were_sent_before_the_line_broke_are_not_shown_twice(
    admin_in_telegram: TelegramPerson,
) -> None:
    for text in ("/start", "Priya Nair", "priya@example.com"):
        await admin_in_telegram.says(text)
    admin_in_telegram.server.refuse("sendMessage", Refused(502, "Bad Gateway"))

    assert await admin_in_telegram.taps("Java Full") == "Course: Java Full Stack"
    again = await admin_in_telegram.feed(admin_in_telegram.sent[-1])

    assert again.startswith("Between which dates")


async def test_an_edit_of_a_message_that_is_gone_is_sent_as_a_new_one(admin_in_telegram: TelegramPerson) -> None:
    for text in ("/start", "Priya Nair", "priya@example.com"):
        await admin_in_telegram.says(text)
    data, _ = admin_in_telegram.button("Java Full")

    answer = await admin_in_telegram.feed(admin_in_telegram.made.tap(data, 999))

    assert answer.startswith("Course: Java Full Stack\nBetween which dates")


async def test_telegram_is_left_alone_for_as_long_as_it_asks(polled: TelegramPerson) -> None:
    polled.server.refuse("sendMessage", Refused(429, "Too Many Requests: retry after 1", retry_after=1))
    start = asyncio.get_running_loop().time()
    put(polled, "/start")

    await polled.server.shows("full name?")

    assert asyncio.get_running_loop().time() - start >= 1


async def test_a_reply_that_telegram_will_never_take_holds_up_no_other(polled: TelegramPerson) -> None:
    polled.server.refuse(
        "sendMessage", Refused(403, "Forbidden: bot was blocked by the user"), Refused(400, "Bad Request: x")
    )
    put(polled, "/help", "/help", "/queue")

    await polled.server.shows("Nobody waits.")


async def test_a_fault_of_ours_is_apologised_for_and_holds_up_no_other(database: Database, sop: Sop) -> None:
    person = TelegramPerson(database, sop)
    await person.comes()

    person.fault = ZeroDivisionError("of Priya Nair")
    assert await person.says("/queue") == (
        "Sorry, something went wrong on my side. /queue and /status show whether it was done; if not, please try again."
    )
    person.fault = None
    assert "Nobody waits." in await person.says("/queue")
    await person.leaves()


@pytest.mark.slow  # the doorway tries for seconds before it gives up
async def test_while_the_database_is_away_it_is_said_once_and_nothing_is_lost(dsn: str, sop: Sop) -> None:
    away = await Database.connect(dsn=dsn, connections=1)
    person = TelegramPerson(away, sop)
    await person.comes()
    await away.aclose()

    first, second = await person.says("/start"), await person.says("Priya Nair")

    assert first == "I cannot reach my database just now. Nothing is lost: I will answer as soon as it is back."
    assert second == ""
    await person.leaves()
    async with await Database.connect(dsn=dsn) as person.db:
        person.bot = person.new_bot()
        await person.comes()
        assert "full name?" in await person.feed(person.sent[0])
        assert "email address of Priya Nair" in await person.feed(person.sent[1])
        await person.leaves()


async def test_the_time_that_matters_is_the_callers(admin_in_telegram: TelegramPerson) -> None:
    admin_in_telegram.now = NOW.replace(year=2031)

    assert "2031" in await admin_in_telegram.says("/agenda")
