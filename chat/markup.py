"""Replies as JSON data and the HTML in them: escaping, lines, splitting, and reading it back as plain text. Pure.

A reply is data, because it is stored with the update it answers and sent after that has been committed:

    {"say": html, "buttons": rows, "edit": message id}    a message; `buttons` and `edit` only where there are any
    {"toast": text}                                       a short note over the chat, in answer to a tap
    {"queued": {"name", "course", "card"}, "edit": id}    the words for what came of taking a candidate in
    {"taken_in": {"name"}, "edit": message id}            the same for a list of candidates
    {"file": name, "data": base64, "say": html}           a document, or a picture where the name ends so, with a caption

Each line of a message is HTML of its own: tags never reach over the end of a line, so that long messages can be split there.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Json = dict[str, Any]
Rows = Sequence[Sequence[Json]]

LONGEST = 3_500  # in UTF-16 units; Telegram takes 4,096 and does not say what it counts
NOTE = "n:"  # of the data of buttons that do nothing but say the rest of it
_LONGEST_PIECE = 600  # of one line of somebody else's text, before escaping


def esc(text: object) -> str:
    """Any text, to be read literally."""
    return html.escape(str(text), quote=False)


def bold(text: object) -> str:
    return f"<b>{esc(text)}</b>"


def italic(text: object) -> str:
    return f"<i>{esc(text)}</i>"


def code(text: object) -> str:
    """Something to type or to tap and copy."""
    return f"<code>{esc(text)}</code>"


def link(text: str, address: str) -> str:
    """A web address under a word; nothing where it is none that a browser may open."""
    return f'<a href="{html.escape(address)}">{esc(text)}</a>' if address.startswith("https://") else ""


def paragraphs(text: str) -> list[str]:
    """Somebody else's text as lines of HTML; what is too long for one line goes on in the next."""
    return [esc(piece) for line in text.splitlines() for piece in _pieces(line)]


def listed(texts: Sequence[str], most: int) -> str:
    """`Ann, Bo, Cy`; of too many the first, and how many more there are."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def first_of(lines: Sequence[str], most: int) -> list[str]:
    """The lines; of too many the first, and a line that says how many more there are."""
    return [*lines[:most], *([f"… and {len(lines) - most} more."] if len(lines) > most else [])]


def say(lines: str | Iterable[str], buttons: Rows = (), edit: int | None = None) -> Json:
    """A message of lines of HTML, in place of the message `edit` where it is given."""
    reply: Json = {"say": lines if isinstance(lines, str) else "\n".join(lines)}
    if buttons:
        reply["buttons"] = [list(row) for row in buttons]
    return reply | ({"edit": edit} if edit else {})


def toast(text: str) -> Json:
    """A short note over the chat, plain text of at most 200 characters."""
    return {"toast": text[:200]}


def attach(name: str, data: bytes, caption: str = "") -> Json:
    """A file, shown as a picture when its name ends in `.png`; `caption` is a line of HTML."""
    return {"file": name, "data": base64.b64encode(data).decode(), "say": caption}


def button(text: str, data: str) -> Json:
    """A button; `data` comes back when it is tapped and has at most 64 bytes."""
    if not 1 <= len(data.encode()) <= 64:
        raise ValueError(f"the data of a button has 1 to 64 bytes, not {len(data.encode())}")
    return {"text": text, "data": data}


def note(text: str, words: str) -> Json:
    """A button that does nothing but say these words, of at most 62 bytes."""
    return button(text, NOTE + words)


def split(message: str, limit: int = LONGEST) -> list[str]:
    """The message in parts of at most `limit` UTF-16 units, cut between lines only."""
    parts: list[list[str]] = [[]]
    room = limit
    for line in message.split("\n"):
        size = units(line) + 1
        if size > room and parts[-1]:
            parts.append([])
            room = limit
        parts[-1].append(line)
        room -= size
    return ["\n".join(part) for part in parts]


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def plain_text(message: str) -> str:
    """What a person reads of a message of ours where nothing can be tapped: links are written out."""
    written_out = re.sub(r'<a href="([^"]*)">([^<]*)</a>', r"\2: \1", message)
    return html.unescape(re.sub(r"</?(?:b|i|code)>", "", written_out))


def _pieces(line: str) -> Iterator[str]:
    if not line:
        yield ""
    for start in range(0, len(line), _LONGEST_PIECE):
        yield line[start : start + _LONGEST_PIECE]
