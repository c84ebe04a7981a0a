"""Updates that Telegram posts to an address of ours, instead of being asked for them. Loaded only where that is set up.

Encryption is the business of a proxy in front, which passes requests on unchanged. A post is answered with 200 once the effect of
its update is committed; with 503 when it has to come again, which Telegram then does for a day. Whoever does not know the secret
of the webhook gets no further than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import math
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Update
from telegram.error import BadRequest, InvalidToken, TelegramError

from chat.logs import protect_logs
from chat.polling import UNKNOWN_BOT, UPDATE_TYPES, App, PutOff, deal_with, unless, wait
from chat.sending import patiently
from domain.errors import ChatError, SecondPoller

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of the header, not what is in it
LARGEST = 1_000_000  # bytes of a post; Telegram's have some thousand
LOOK_SECONDS = 60.0  # between two looks whether the webhook is still ours
_BODY_SECONDS = 10  # a post that takes longer to come is given up
# After which an update comes again at the earliest; without a word of ours Telegram waits longer and longer.
_AGAIN_SECONDS = 5
_GRACE_SECONDS = 10  # for what is under way when it is time to stop


class _Server(uvicorn.Server):
    """Leaves the signals of the process alone: they are the session's, which tells everything to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Webhook:
    """Takes in the updates of one bot at `url` (https, as Telegram is told it) through a proxy that passes them on to `listen`,
    a host and a port. `secret` is what Telegram's posts are known by."""

    def __init__(
        self,
        application: App,
        put_off: PutOff,
        *,
        url: str,
        secret: str,
        listen: tuple[str, int],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._application, self._put_off = application, put_off
        self._url, self._secret, self._listen, self._look_seconds = url, secret, listen, look_seconds
        self._one_at_a_time = asyncio.Lock()
        protect_logs(secret)

    async def begin(self) -> None:
        """Listen, and have Telegram post updates here; `ChatError` says which setting is wrong."""
        host, port = self._listen
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server(self._listen, family=family)
        except OSError as error:
            raise ChatError(f"TELEGRAM_WEBHOOK_LISTEN: {host}:{port} cannot be used ({error.strerror}).") from error
        with contextlib.ExitStack() as undo:
            undo.callback(self._listener.close)
            await patiently(self._set)
            undo.pop_all()

    async def _set(self) -> None:
        try:
            await self._application.bot.set_webhook(
                self._url,
                secret_token=self._secret,
                allowed_updates=UPDATE_TYPES,
                max_connections=1,  # one after the other, in order
            )
        except BadRequest as error:
            raise ChatError(f"Telegram does not take TELEGRAM_WEBHOOK_URL: {error.message}.") from error

    async def run(self, stop: asyncio.Event) -> None:
        """Deal with updates until told to stop. `SecondPoller` when another program has taken the webhook away."""
        app = Starlette(routes=[Route(urlsplit(self._url).path, self._post, methods=["POST"])])
        app.router.redirect_slashes = False
        server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        serving = asyncio.ensure_future(server.serve(sockets=[self._listener]))
        serving.add_done_callback(lambda _: stop.set())
        try:
            await self._watch(stop)
        finally:
            server.should_exit = True
            await serving

    async def _watch(self, stop: asyncio.Event) -> None:
        """Look now and then whether updates still come here, until told to stop."""
        while not stop.is_set():
            await wait(stop, self._look_seconds)
            try:
                info = await unless(stop, self._application.bot.get_webhook_info())
            except InvalidToken:  # without its cause: the library quotes the token
                raise ChatError(UNKNOWN_BOT) from None
            except TelegramError as error:
                logger.info("webhook not looked at: %s", type(error).__name__, extra={"action": "look_failed"})
                continue
            if info and info.url != self._url:
                place = urlsplit(info.url).hostname or "nowhere"
                logger.error("another program had updates sent to %s", place, extra={"action": "webhook_taken"})
                raise SecondPoller

    async def _post(self, request: Request) -> Response:
        """Take in what may be an update."""
        if not self._is_from_telegram(request):
            return Response(status_code=403)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Response(status_code=415)
        update = self._update(await _body(request))
        async with self._one_at_a_time:
            seconds = await deal_with(self._application, self._put_off, update)
        if seconds is None:
            return Response()
        return Response(status_code=503, headers={"retry-after": str(max(_AGAIN_SECONDS, math.ceil(seconds)))})

    def _is_from_telegram(self, request: Request) -> bool:
        """Whether the one header with the secret is there; compared so that how long it takes gives nothing away."""
        given = request.headers.getlist(SECRET_HEADER)
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self._secret.encode())

    def _update(self, body: bytes) -> Update:
        try:
            update = Update.de_json(json.loads(body), self._application.bot)
        except Exception as error:  # in whatever way the library fails: it is no update
            raise HTTPException(400) from error
        if not isinstance(update.update_id, int):
            raise HTTPException(400)
        return update


async def _body(request: Request) -> bytes:
    """What was posted, as long as it is neither too large nor too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    raise HTTPException(413)
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408) from None
    return bytes(body)
