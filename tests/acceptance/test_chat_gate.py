"""Who is let in: admins in their private chats. For everybody else nothing happens, whatever they send, but one audit row."""

from __future__ import annotations

from typing import Any

from telegram import Update

from supabase_db import Database
from tests.chat_driver import ADMIN, TelegramPerson, updates_of
from tests.fakes.telegram import Json

STRANGER = 666
MEMBER = {"status": "member"}
PRIVATE, GROUP = {"type": "private", "first_name": "S"}, {"type": "group", "title": "G"}


def update_of(kind: str, user: int, chat: Json) -> Json:
    """An update of a kind, sent by a user in a chat, with whatever such an update has."""
    person = {"id": user, "is_bot": False, "first_name": "S"}
    text = "/start"
    message = {
        "message_id": 5, "date": 1_767_600_000, "chat": chat, "from": person, "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": 6}],
    }  # fmt: skip
    member = {"chat": chat, "from": person, "date": 1_767_600_000}
    change = {"old_chat_member": MEMBER | {"user": person}, "new_chat_member": MEMBER | {"user": person}}
    poll = {
        "id": "p", "question": "?", "options": [], "total_voter_count": 0, "is_closed": False, "is_anonymous": True,
        "type": "regular", "allows_multiple_answers": False, "allows_revoting": False, "members_only": False,
    }  # fmt: skip
    boost = {"boost_id": "b", "add_date": 1, "expiration_date": 2, "source": {"source": "premium", "user": person}}
    query = {"id": "1", "from": person}
    address = {"country_code": "IN", "state": "", "city": "", "street_line1": "", "street_line2": "", "post_code": ""}
    content: dict[str, Any] = {
        "inline_query": query | {"query": text, "offset": ""},
        "chosen_inline_result": {"result_id": "r", "from": person, "query": text},
        "callback_query": query | {"chat_instance": "c", "data": "i:3:1:0", "message": message},
        "shipping_query": query | {"invoice_payload": "", "shipping_address": address},
        "pre_checkout_query": query | {"currency": "EUR", "total_amount": 1, "invoice_payload": ""},
        "poll": poll,
        "poll_answer": {"poll_id": "p", "user": person, "option_ids": [0], "option_persistent_ids": []},
        "my_chat_member": member | change,
        "chat_member": member | change,
        "chat_join_request": member | {"user_chat_id": user},
        "chat_boost": {"chat": chat, "boost": boost},
        "removed_chat_boost": {"chat": chat, "boost_id": "b", "remove_date": 2, "source": boost["source"]},
        "message_reaction": {
            "chat": chat,
            "message_id": 5,
            "user": person,
            "date": 1,
            "old_reaction": [],
            "new_reaction": [],
        },
        "message_reaction_count": {"chat": chat, "message_id": 5, "date": 1, "reactions": []},
        "business_connection": {"id": "b", "user": person, "user_chat_id": user, "date": 1, "is_enabled": True},
        "deleted_business_messages": {"business_connection_id": "b", "chat": chat, "message_ids": [5]},
        "purchased_paid_media": {"from": person, "paid_media_payload": ""},
        "managed_bot": {"user": person, "bot": person | {"is_bot": True}},
    }
    return {"update_id": 8_000, kind: content.get(kind, message)}


async def effects(db: Database) -> tuple[int, Json | None, list[str]]:
    return (
        (await db.show_candidate(needle="@"))["count"],
        await db.bot_state(chat_id=STRANGER),
        [row["action"] for row in await db.audit_trail()],
    )


async def test_nothing_a_stranger_sends_has_an_effect(admin_in_telegram: TelegramPerson, database: Database) -> None:
    calls = len(admin_in_telegram.server.calls)
    kinds = [str(kind) for kind in Update.ALL_TYPES]
    for number, kind in enumerate(kinds):
        update = update_of(kind, STRANGER, {"id": STRANGER, **PRIVATE}) | {"update_id": 8_000 + number}
        assert Update.de_json(update, admin_in_telegram.bot.application.bot)[kind], f"the update has a {kind}"
        for _ in range(3):
            await admin_in_telegram.feed(update)

    assert await effects(database) == (0, None, ["update_refused"] * len(kinds))
    assert [row["detail"]["kind"] for row in await database.audit_trail()] == kinds
    assert len(admin_in_telegram.server.calls) == calls, "a stranger hears nothing"


async def test_an_admin_is_not_heard_in_a_group(admin_in_telegram: TelegramPerson, database: Database) -> None:
    calls = len(admin_in_telegram.server.calls)
    kinds = ["message", "edited_message", "callback_query", "channel_post", "my_chat_member"]
    for number, kind in enumerate(kinds):
        await admin_in_telegram.feed(update_of(kind, ADMIN, {"id": -100, **GROUP}) | {"update_id": 8_000 + number})

    assert await effects(database) == (0, None, ["update_refused"] * len(kinds))
    assert len(admin_in_telegram.server.calls) == calls


async def test_of_an_admin_only_new_messages_and_taps_have_effects(
    admin_in_telegram: TelegramPerson, database: Database
) -> None:
    for number, kind in enumerate({str(kind) for kind in Update.ALL_TYPES} - {"message", "callback_query"}):
        await admin_in_telegram.feed(update_of(kind, ADMIN, {"id": ADMIN, **PRIVATE}) | {"update_id": 8_000 + number})

    assert await database.bot_state(chat_id=ADMIN) is None
    assert admin_in_telegram.server.log == []


async def test_an_admin_cannot_press_another_admins_buttons(
    admin_in_telegram: TelegramPerson, database: Database
) -> None:
    for text in ("/start", "Priya Nair", "priya@example.com", "java", "1-12 Dec", "9-12", "Kolkata"):
        await admin_in_telegram.says(text)
    confirm, message = admin_in_telegram.button("Confirm")
    other = TelegramPerson(database, admin_in_telegram.current_sop, user=ADMIN + 1, admins=(ADMIN, ADMIN + 1))
    other.made = updates_of(ADMIN + 1, numbers=iter(range(9_000, 9_100)))
    await other.comes()

    heard = await other.feed(other.made.tap(confirm, message))

    await other.leaves()
    assert heard == "(That is done already; nothing more has happened.)"
    assert (await database.show_candidate(needle="@"))["count"] == 0


async def test_without_admins_nobody_is_let_in(database: Database, admin_in_telegram: TelegramPerson) -> None:
    person = TelegramPerson(database, admin_in_telegram.current_sop, admins=())
    await person.comes()

    assert await person.says("/start") == ""

    await person.leaves()
    assert (await effects(database))[2] == ["update_refused"]
