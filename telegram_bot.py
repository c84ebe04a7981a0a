"""The bot: who is let in, which handler answers what, what happens when something fails. Telegram and the terminal share it.

What is said lives in `chat/`. An update has its whole effect in one transaction, and its replies are sent after the commit; an
update that comes again, after a crash or a lost answer, only gets the replies that nobody has noted as sent.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from telegram import BotCommand, Update
from telegram.error import Forbidden, InvalidToken, TelegramError
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    TypeHandler,
    filters,
)
from telegram.request import BaseRequest

from chat import changes, files, intake, interviewing, notices, people, roles, taps
from chat.buttons import (
    PREFIX,
    Commanded,
    Dealt,
    Desk,
    ParseSop,
    Step,
    WriteIcs,
    dealt,
    under,
)
from chat.candidates import conversed
from chat.delivering import deliver_due, keep_delivering, tell_at_once
from chat.foresight import Blind, Foresight
from chat.gate import Gate
from chat.intake import Said, Turn
from chat.logs import protect_logs
from chat.markup import NOTE, Json, code, say, toast
from chat.menu import menu, show_help, viewers_menu
from chat.polling import App, Poller, ReaderOf, seconds_asked_for
from chat.questions import context_of
from chat.sending import PACE_SECONDS, Sender
from chat.updates import passes, where
from domain.errors import ChatError, DatabaseUnavailable, SecondPoller, WrongState
from sop import Sop
from supabase_db import Database

logger = logging.getLogger(__name__)

_NO_DATABASE = "I cannot reach my database just now. Nothing is lost: I will answer as soon as it is back."

Callback = ContextTypes.DEFAULT_TYPE


class AdminBot:
    """The bot, connected while it is used as a context manager.

    `admins` are the numeric ids of the owners, who let others in; `sop` gives the SOP in force; `request` replaces the network
    (the terminal does); `reader` is how updates come; `pace` is the least time in seconds between two notices to a chat; `clock`
    tells the time (aware); `foresight` looks ahead with the calendars, `ics` writes interviews as a file for calendar apps,
    `parse` reads an SOP file.
    """

    def __init__(
        self,
        *,
        token: str,
        db: Database,
        sop: Callable[[], Awaitable[Sop]],
        admins: Sequence[int],
        lane: str = "main",
        request: BaseRequest | None = None,
        reader: ReaderOf = Poller,
        pace: float = PACE_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        foresight: Foresight | None = None,
        ics: WriteIcs,
        parse: ParseSop,
    ) -> None:
        self._db, self._sop, self._lane, self._clock = db, sop, lane, clock
        self._foresight, self._ics, self._parse = foresight or Blind(), ics, parse
        self._entrance = Gate(db, admins, sop)
        self._put_off: dict[int, float] = {}  # updates to be read again, and after how many seconds
        self._told_of_outage: set[int] = set()
        protect_logs(token)
        self.application = self._built(token, request)
        self._reader = reader(self.application, self._put_off)
        self._sender = Sender(self.application.bot, pace=pace)

    def _built(self, token: str, request: BaseRequest | None) -> App:
        os.environ.setdefault("PTB_TIMEDELTA", "1")  # or the library warns whenever Telegram asks to wait
        builder = Application.builder().token(token).updater(None).job_queue(None)
        if request is not None:
            builder = builder.request(request).get_updates_request(request)
        app: App = builder.build()
        new = filters.UpdateType.MESSAGE  # and no edited one
        app.add_handler(TypeHandler(Update, self._gate), group=-1)
        app.add_handler(CommandHandler(["start", "new"], self._start, filters=new))
        app.add_handler(CommandHandler("cancel", self._cancel, filters=new))
        for name, (_, commanded) in {**taps.COMMANDS, "help": ("", show_help)}.items():
            app.add_handler(CommandHandler(name, self._doer(commanded), filters=new))
        app.add_handler(CallbackQueryHandler(self._tap))
        app.add_handler(MessageHandler(new & filters.Document.ALL, self._file))
        app.add_handler(MessageHandler(new & filters.COMMAND, self._unknown))
        app.add_handler(MessageHandler(new, self._words))
        app.add_error_handler(self._on_error)
        return app

    async def __aenter__(self) -> Self:
        """Sign in; `ChatError` when Telegram refuses the token or cannot be reached."""
        try:
            await self._sign_in()
        except (InvalidToken, Forbidden):  # without its cause: the library quotes the token
            raise ChatError("Telegram does not know TELEGRAM_BOT_TOKEN. Copy it once more from @BotFather.") from None
        except TelegramError as error:
            raise ChatError(f"Telegram cannot be reached ({type(error).__name__}). Check the network.") from error
        return self

    async def _sign_in(self) -> None:
        await self.application.initialize()
        try:
            await self.application.bot.set_my_commands([BotCommand(*entry) for entry in menu()])
            await self._reader.begin()
        except BaseException:
            await self.application.shutdown()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.application.shutdown()

    async def poll(self, stop: asyncio.Event) -> None:
        """Deal with updates as they come, until told to stop. `SecondPoller` when another program gets them; the admins know."""
        try:
            await self._reader.run(stop)
        except SecondPoller as error:
            await tell_at_once(self._sender, self._entrance.admins, notices.second_program(str(error)))
            raise

    async def deliver_notices(self, stop: asyncio.Event) -> None:
        """Send the scheduler's notices as they come, until told to stop."""
        await keep_delivering(self.deliver_due_notices, stop)

    async def deliver_due_notices(self) -> int:
        """Send the notices that are due now, a few at most; how many there were."""
        return await deliver_due(self._db, self._sender, self._entrance.admins, sop=self._sop, now=self._clock)

    # Who is let in ------------------------------------------------------------------------------------------------------------

    def _admin(self, update: Update) -> int | None:
        """The id of somebody let in, in their private chat, which has the same id; None for everybody else."""
        return self._entrance.known(update)

    async def _gate(self, update: Update, _: Callback) -> None:
        """Before any other handler, for updates of every kind: for those not let in nothing happens but an audit row, and who is
        only an interviewer is answered here."""
        role, code = await self._role(update), people.invitation(update)
        done = await self._entrance.join(update, code, role) if code else None
        if done:
            await self._reply(update, done)
            await self._role(update)
        elif role is None:
            await self._entrance.refuse(update)
        elif role == roles.INTERVIEWER:
            await self._own(update)
        elif await self._entrance.may(update, role):
            return
        elif update.message or update.callback_query:
            await self._answer(update, [say(roles.LOOK_ONLY)])
        raise ApplicationHandlerStop

    async def _role(self, update: Update) -> str | None:
        """What the sender may do now. The menu of their chat follows it."""
        user = roles.private_user(update) or 0
        before, role = self._entrance.roles.get(user), await self._entrance.role(update)
        menus = {roles.INTERVIEWER: interviewing.MENU, roles.VIEWER: viewers_menu()}
        if before != role and {before, role} & menus.keys():
            await self._sender.menu(user, menus.get(role or "", ()))
        return role

    async def _own(self, update: Update) -> None:
        """Somebody who is an interviewer and nothing else, at their own things; for the rest a kind word."""
        query, message = update.callback_query, update.message
        if query and query.message and (query.data or "").startswith(PREFIX):
            await self._press(update, (query.data or "").removeprefix(PREFIX), query.message.message_id)
        elif query:
            await self._answer(update, [toast(intake.STALE)])
        elif message:
            await self._do(update, lambda desk: interviewing.heard(desk, message.text or ""))

    # What answers what --------------------------------------------------------------------------------------------------------

    async def _start(self, update: Update, _: Callback) -> None:
        words = ((update.message and update.message.text) or "").split(maxsplit=1)[1:]
        await self._converse(update, Said(update=update.update_id, command="start", text="".join(words)))

    async def _cancel(self, update: Update, context: Callback) -> None:
        """With a name it is about that candidate, else about what is being asked."""
        if context.args:
            await self._doer(changes.cancel)(update, context)
        else:
            await self._converse(update, Said(update=update.update_id, command="cancel"))

    async def _words(self, update: Update, _: Callback) -> None:
        text = update.message.text if update.message else None
        await self._converse(update, Said(update=update.update_id, text=text))

    async def _tap(self, update: Update, _: Callback) -> None:
        query = update.callback_query
        data = (query.data if query else None) or ""
        if query and query.message and data.startswith(PREFIX):
            await self._press(update, data.removeprefix(PREFIX), query.message.message_id)
            return
        if data.startswith(NOTE):
            await self._answer(update, [toast(data.removeprefix(NOTE))])
            return
        if query is None or query.message is None or not data.startswith(f"{intake.PREFIX}:"):
            await self._answer(update, [toast(intake.STALE)])
            return
        await self._converse(update, Said(update=update.update_id, button=data, message=query.message.message_id))

    async def _file(self, update: Update, _: Callback) -> None:
        """A document: fetched when it is one that can be read."""
        document = update.message.document if update.message else None
        if document is None:
            return
        name = document.file_name or "the file"
        refusal = files.refusal(name, document.file_size or 0)
        if refusal:
            await self._answer(update, [say(refusal)])
            return
        data = bytes(await (await document.get_file()).download_as_bytearray())
        await self._do(update, lambda desk: files.opened(desk, name, data))

    async def _unknown(self, update: Update, _: Callback) -> None:
        command = ((update.message and update.message.text) or "").split()[0][:40]
        await self._answer(update, [say(f"I do not know {code(command)}. /help says what I do.")])

    def _doer(self, commanded: Commanded) -> Callable[[Update, Callback], Coroutine[Any, Any, None]]:
        """A handler of a command of the desk."""

        async def do(update: Update, context: Callback) -> None:
            words = " ".join(context.args or ())
            await self._do(update, lambda desk: commanded(desk, words))

        return do

    async def _press(self, update: Update, token: str, message: int) -> None:
        """A tap on a button whose meaning the database has."""
        admin = self._admin(update) or 0
        action = await self._db.button_action(token=token, chat_id=admin, user_id=admin, message_id=message)
        if action is None:
            await self._answer(update, [toast(intake.STALE)])
        elif not roles.may_tap(role := self._entrance.roles.get(admin, roles.VIEWER), action):
            await self._answer(update, [toast(roles.refusal(role))])
        else:
            await self._do(update, lambda desk: taps.tapped(desk, action), use=token, message=message)

    async def _do(
        self,
        update: Update,
        step: Callable[[Desk], Awaitable[Step | Turn]],
        *,
        use: str | None = None,
        message: int | None = None,
    ) -> None:
        """One step at the desk."""
        admin = self._admin(update)
        if admin is None:
            return
        sop = await self._sop()
        desk = Desk(
            db=self._db,
            sop=sop,
            context=context_of(sop, admin, self._clock(), self._lane),
            update=update.update_id,
            state=await self._db.bot_state(chat_id=admin),
            foresight=self._foresight,
            ics=self._ics,
            parse=self._parse,
            admins=self._entrance.admins,
            message=message,
            role=self._entrance.roles[admin],
        )
        await self._commit(update, dealt(desk, await step(desk), use, intake.STALE))

    async def _converse(self, update: Update, said: Said) -> None:
        """One turn of the conversation."""
        admin = self._admin(update)
        if admin is None:
            return
        state = await self._db.bot_state(chat_id=admin)
        context = context_of(await self._sop(), admin, self._clock(), self._lane)
        if taps.is_reason(state, said, context):
            await self._do(update, lambda desk: taps.reason_given(desk, said))
        else:
            await self._commit(update, await conversed(self._db, under(state), said, context))

    async def _answer(self, update: Update, replies: Sequence[Json]) -> None:
        """Replies that leave the conversation where it is."""
        admin = self._admin(update)
        if admin is not None:
            await self._commit(update, Turn(state=await self._db.bot_state(chat_id=admin), replies=replies))

    async def _commit(self, update: Update, turn: Turn) -> None:
        """The effect of an update, once; then its replies."""
        admin = self._admin(update)
        if admin is None:
            return
        whole: Json = {
            "update_id": update.update_id,
            "chat_id": admin,
            "user_id": admin,
            "state": turn.state,
            "replies": turn.replies,
            "command": turn.command,
        }
        if isinstance(turn, Dealt):
            about: Json = {"use": turn.use, "message_id": turn.message, "buttons": turn.buttons, "stale": turn.stale}
            done = await self._db.desk_turn(**whole, **about)
        else:
            done = await self._db.bot_turn(**whole)
        self._told_of_outage.discard(admin)
        await self._reply(update, done)

    async def _reply(self, update: Update, done: Json) -> None:
        """The replies to an update that has had its effect, as long as nobody has noted that they were sent."""
        if not done["replied"]:
            for card, message in (await self._sender.reply(update, done["replies"], done["outcome"])).items():
                await self._db.place_card(card=card, message_id=message)
            await self._db.replied(update_id=update.update_id)

    # When something fails -------------------------------------------------------------------------------------------------------

    async def _on_error(self, update: object, context: Callback) -> None:
        """Have the update read again when waiting can help; else log where it failed, and apologise. The error's text is not
        logged: it may quote what people wrote. No other handler sees the update afterwards, whatever happens here."""
        try:
            if isinstance(update, Update) and context.error is not None:
                await self._make_good(update, context.error)
        except TelegramError as error:
            logger.warning("apology not sent: %s", type(error).__name__, extra={"action": "apology_failed"})
        raise ApplicationHandlerStop

    async def _make_good(self, update: Update, error: Exception) -> None:
        extra = {"action": "update_failed", "update_id": update.update_id}
        admin = self._admin(update)
        if passes(error):
            logger.warning("update put off: %s", type(error).__name__, extra=extra)
            self._put_off[update.update_id] = seconds_asked_for(error)
            if isinstance(error, DatabaseUnavailable) and admin is not None and admin not in self._told_of_outage:
                self._told_of_outage.add(admin)
                await self._sender.reply(update, [say(_NO_DATABASE)], None)
            return
        if isinstance(error, WrongState) and admin is not None:
            logger.info("too late", extra=extra)
            await self._sender.reply(update, [say(roles.too_late(self._entrance.roles[admin]))], None)
            return
        logger.error("update failed: %s\n%s", type(error).__name__, where(error), extra=extra)
        if admin is not None:
            await self._sender.reply(update, [say(roles.sorry(self._entrance.roles[admin]))], None)
