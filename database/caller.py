"""How a call is made: arguments made plain, tries repeated where that is safe, answers checked. Knows no function by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from database.wires import PassingError, Wire
from domain.errors import DatabaseError
from utils import as_utc

Json = dict[str, Any]
_NOT_TWICE = frozenset({"claim_notices"})  # a lost answer leaves its notices to their lease; they come again


class Caller:
    """Calls functions of the database over a wire, for `patience` seconds again when it cannot be reached."""

    def __init__(self, wire: Wire, patience: float = 5.0) -> None:
        self._wire, self._patience = wire, patience

    async def aclose(self) -> None:
        """Close connections."""
        await self._wire.aclose()

    async def _object(self, function: str, **arguments: Any) -> Json:
        found = await self._call(function, **arguments)
        if not isinstance(found, dict):
            raise DatabaseError(f"the database function {function} gave {type(found).__name__}, not an object")
        return found

    async def _maybe(self, function: str, **arguments: Any) -> Json | None:
        found = await self._call(function, **arguments)
        return found if isinstance(found, dict) else None

    async def _list(self, function: str, **arguments: Any) -> list[Json]:
        found = await self._call(function, **arguments)
        if not isinstance(found, list):
            raise DatabaseError(f"the database function {function} gave {type(found).__name__}, not a list")
        return found

    async def _call(self, function: str, **arguments: Any) -> Any:
        named = {f"p_{name}": _plain(value) for name, value in arguments.items()}

        def may_repeat(error: BaseException) -> bool:
            return isinstance(error, PassingError) and (error.rolled_back or function not in _NOT_TWICE)

        retrying = AsyncRetrying(
            retry=retry_if_exception(may_repeat),
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )
        try:
            return await retrying(self._wire.call, function, named)
        except PassingError as error:
            raise error.error from error


def _plain(value: Any) -> Any:
    """The value as JSON data; a naive datetime is a `ValueError`."""
    if isinstance(value, datetime):
        return as_utc(value).isoformat()
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [_plain(part) for part in value]
    return value
