"""The conversation that takes a candidate in, as a pure state machine: (state, what was said, context) -> Turn.

The state is JSON data that the database keeps between two updates, so that a process may die between any two. Buttons carry the
draft's nonce, its turn and their place, and nothing else: what they stand for is in the state. Every move on raises the turn, so
that a second tap, or a tap on an old message, finds nothing and is told so. Marks alone do not raise it, so that several can be
tapped quickly; a button either puts its mark on or takes it off, however often it is tapped. Wording is in `questions.py`,
`pickers.py` and `cards.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chat import cards
from chat.markup import Json, bold, button, code, esc, note, say, toast
from chat.pickers import Choice, marks, value_of
from chat.questions import ASKED, CARD, Context, question
from domain.errors import FieldError
from domain.intake import check_request, read_field
from domain.model import CandidateRequest
from domain.paste import is_message, read_message

PREFIX = "i"  # of the data of our buttons
_VERSION = 2  # of the state
_READABLE = (1, 2)  # versions of the state; one without marks is as good as new, any other state is dropped
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

STALE = "That button has done its work. Please use the newest message."
DONE = "That is done already; nothing more has happened."
_NOTHING_MARKED = "Tap at least one time of the day first."


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One thing an admin did in the chat: a command of the conversation, words (perhaps a command's), a tap, or (nothing of
    these) something that is no text. `update` is its number, `message` the message whose button was tapped, `again` the request
    of an earlier candidate to start from, `replaces` the id of the candidate whose request is to become another."""

    update: int
    command: Literal["", "start", "cancel"] = ""
    text: str | None = None
    again: Json | None = None
    replaces: str = ""
    button: str | None = None
    message: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What follows: the state to keep (None: no conversation), the replies, and a command of the database's, if any."""

    state: Json | None
    replies: Sequence[Json]
    command: Json | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A candidate as far as is known. `values` are those of `CandidateRequest.plain`; `offered` is what the buttons stand for;
    `picking` is where a picker is, `marked` what is marked there or in the question itself; `notes` is what could not be used of
    a pasted message, by field, and under "" what is of no field. `replaces` is the id of the candidate whose request this is to
    become; without, it is a new candidate's."""

    nonce: str
    step: str = ASKED[0]
    values: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 0
    offered: tuple[str, ...] = ()
    picking: str = ""
    marked: tuple[str, ...] = ()
    editing: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    replaces: str = ""

    @classmethod
    def of(cls, state: Json | None) -> Draft | None:
        """The draft in a state; None when there is none, or one that another version of this program has left."""
        if not state or state.get("flow") != "intake" or state.get("version") not in _READABLE:
            return None
        draft = {"marked": (), **state["draft"]}
        return cls(**{**draft, "offered": tuple(draft["offered"]), "marked": tuple(draft["marked"])})

    def state(self) -> Json:
        kept = {name: getattr(self, name) for name in ("nonce", "step", "turn", "picking", "editing", "replaces")}
        lists = {"offered": list(self.offered), "marked": list(self.marked)}
        return {
            "flow": "intake",
            "version": _VERSION,
            "draft": {**kept, **lists, "values": dict(self.values), "notes": dict(self.notes)},
        }

    def at(self, step: str) -> Draft:
        """The draft at a question, with what is known of its answer marked and no picker open."""
        return replace(self, step=step, picking="", marked=marks(step, self.values.get(step)))

    def meaning(self, data: str) -> str | None:
        """What a button stands for, if it is one of the newest question's."""
        return next((value for place, value in enumerate(self.offered) if self.data(place) == data), None)

    @property
    def next_step(self) -> str:
        """The first question that has no answer yet, else the card."""
        return next((step for step in ASKED if step not in self.values), CARD)

    def data(self, place: int) -> str:
        """What the button in this place carries."""
        return f"{PREFIX}:{self.nonce}:{self.turn}:{place}"


def advance(state: Json | None, said: Said, context: Context) -> Turn:
    """The next turn of the conversation. Nothing is decided but by what was said, so a turn can be made again."""
    draft = Draft.of(state)
    if said.command == "start":
        return _begin(draft, said, context)
    if said.command == "cancel":
        return _cancel(draft, None)
    if said.button is not None:
        return _tapped(state, draft, said, context)
    return _words(draft, said, context)


def is_candidate(text: str, context: Context) -> bool:
    """Whether a text is a whole candidate whatever was asked: an email address, and a course or dates."""
    return is_message(text) and not {"course", "window"}.isdisjoint(read_message(text, context.reference).values)


def on_card(state: Json | None) -> tuple[str, str] | None:
    """Email and course of a draft that is about to be confirmed, to look whether they are open already; None for any other."""
    draft = Draft.of(state)
    return (draft.values["email"], draft.values["course"]) if draft and draft.step == CARD else None


def _words(draft: Draft | None, said: Said, context: Context) -> Turn:
    """Words, or something that is none: a whole candidate where one can begin, else an answer."""
    if said.text and is_message(said.text) and (draft is None or (draft.step == ASKED[0] and not draft.editing)):
        return _pasted(draft or Draft(nonce=_base36(said.update)), said.text, context)
    if draft is None:
        return Turn(
            state=None,
            replies=[say("I have not asked anything. /start takes in a candidate, /help says what else I do.")],
        )
    if said.text is None:
        return _ask(draft, context, lead=["I can only read text here."])
    if draft.step == CARD:
        return _ask(draft, context, lead=["Please tap Confirm, Cancel or what is to be changed."])
    return _answered(draft, said.text, None, context)


def _begin(dropped: Draft | None, said: Said, context: Context) -> Turn:
    """A new draft: empty, from a pasted message, or from an earlier candidate."""
    draft = Draft(nonce=_base36(said.update))
    lead = []
    if dropped and dropped.values.get("name"):
        lead = [f"The unfinished draft for {bold(dropped.values['name'])} is dropped."]
    if said.again is not None:
        return _again(replace(draft, replaces=said.replaces), said.again, context, lead)
    if said.text and is_message(said.text):
        return _pasted(draft, said.text, context, lead)
    return _ask(draft, context, lead=[*lead, "Let's take in a candidate. /cancel stops at any point."])


def _pasted(draft: Draft, text: str, context: Context, lead: Sequence[str] = ()) -> Turn:
    """A draft from a whole message: what is missing is asked, what could not be used is told until it is mended."""
    found = read_message(text, context.reference)
    notes = {mistake.field: f"{cards.LABELS[mistake.field]}: {_refusal(mistake)}" for mistake in found.mistakes}
    if found.unread:
        notes[""] = "I could not place " + ", ".join(code(piece[:100]) for piece in found.unread[:5]) + "."
    without_zone = {} if "timezone" in notes else {"timezone": None}
    read = replace(draft, values=without_zone | dict(found.values), notes=notes)
    asked = replace(read, step=read.next_step)
    if asked.step == CARD:
        return _ask(asked, context, lead=lead)
    known = [
        f"{label}: {esc(cards.value_text(field, found.values[field], context.courses, context.timezone))}"
        for field, label in cards.LABELS.items()
        if field in found.values
    ]
    return _ask(asked, context, lead=[*lead, *known, *_notes(asked)])


def _again(draft: Draft, request: Json, context: Context, lead: Sequence[str]) -> Turn:
    """A draft from an earlier candidate's request; what can no longer be right is asked again."""
    values = {name: value for name, value in request.items() if name in cards.LABELS}
    if values["course"] not in context.courses:
        del values["course"]
    today = context.reference.today.isoformat()
    if values["window"][1] < today:
        del values["window"]
    values["blocked_dates"] = [day for day in values["blocked_dates"] if day >= today]
    copied = replace(draft, values=values)
    known = f"I start from what is known of {bold(values['name'])}. /cancel stops at any point."
    return _ask(replace(copied, step=copied.next_step), context, lead=[*lead, known])


def _cancel(draft: Draft | None, edit: int | None) -> Turn:
    if draft is None:
        return Turn(
            state=None, replies=[say(f"I am asking nothing just now. {code('/cancel Priya')} gives a candidate up.")]
        )
    whom = f" of {bold(draft.values['name'])}" if draft.values.get("name") else ""
    return Turn(state=None, replies=[say(f"{cards.GIVEN_UP} Cancelled. Nothing{whom} was saved.", edit=edit)])


def _tapped(state: Json | None, draft: Draft | None, said: Said, context: Context) -> Turn:
    """A tap: an answer, a move to another question, or the end."""
    value = draft.meaning(said.button or "") if draft else None
    if draft is None or value is None:
        return Turn(state=state, replies=[toast(STALE if draft else DONE)])
    move, _, wanted = value.partition(":")
    if value.startswith("="):
        return _answered(draft, value[1:], said.message, context)
    if move in {"confirm", "instead"}:
        return _confirm(draft, said.message, context, instead=wanted or draft.replaces)
    if move == "cancel":
        return _cancel(draft, said.message)
    if move == "done":
        return _done(state, draft, said.message, context)
    return _ask(_moved(draft, value), context, edit=said.message)


def _moved(draft: Draft, value: str) -> Draft:
    """The draft after a tap that answers nothing: a mark, a question to go to, or a place in a picker."""
    move, _, wanted = value.partition(":")
    if value[0] in "+-":
        marked = {*draft.marked, value[1:]} if value[0] == "+" else {*draft.marked} - {value[1:]}
        return replace(draft, marked=tuple(sorted(marked)))
    if move == "from":
        return replace(draft, marked=(wanted,))
    if move == "edit":
        return replace(draft.at(wanted), editing=True)
    if move == "keep":
        return replace(draft.at(CARD), editing=False)
    return draft.at(draft.step) if move == "back" else replace(draft, picking=value)


def _done(state: Json | None, draft: Draft, tapped: int | None, context: Context) -> Turn:
    """What is marked, as the answer."""
    value = value_of(draft.step, draft.marked)
    if not value and draft.step != "blocked_dates":
        return Turn(state=state, replies=[toast(_NOTHING_MARKED)])
    return _kept(draft, value, tapped, context)


def _answered(draft: Draft, text: str, tapped: int | None, context: Context) -> Turn:
    """An answer to the question of the step: kept when it can be right, else asked again with what would be right."""
    try:
        value = read_field(draft.step, text, context.reference)
    except FieldError as mistake:
        return _ask_again(draft, mistake, context, edit=tapped)
    return _kept(draft, value, tapped, context)


def _kept(draft: Draft, value: Any, tapped: int | None, context: Context) -> Turn:
    """The next question, with this as the answer to the one before."""
    notes = {name: text for name, text in draft.notes.items() if name != draft.step}
    answered = replace(draft, values={**draft.values, draft.step: value}, notes=notes, editing=False)
    turn = _ask(answered.at(CARD if draft.editing else answered.next_step), context)
    if tapped is None:
        return turn
    chosen = cards.value_text(draft.step, value, context.courses, context.timezone)
    choice = say(f"{cards.LABELS[draft.step]}: {bold(chosen)}", edit=tapped)
    return replace(turn, replies=[choice, *turn.replies])


def _confirm(draft: Draft, tapped: int | None, context: Context, *, instead: str) -> Turn:
    """Queue the candidate, or have an open one tried again with this (`instead` is its id); days may have gone by since the
    answers, so the whole is checked once more."""
    try:
        request = CandidateRequest.parse(draft.values)
        check_request(request, context.reference)
    except FieldError as mistake:
        return _ask_again(replace(draft.at(mistake.field), editing=True), mistake, context)
    about = {
        "name": request.name,
        "course": context.courses[request.course].title,
        "card": cards.draft(dict(draft.values), context.courses, context.timezone),
    }
    if instead:
        again = {"candidate_id": instead, "actor": f"telegram:{context.user}", "request": request.plain()}
        lines = [*about["card"], "", f"{cards.WAITS} Queued again with this. I will write here when there is a result."]
        return Turn(state=None, replies=[say(lines, edit=tapped)], command={"requeue": again})
    command = {
        "enqueue": {
            "request": request.plain(),
            "key": f"chat:{context.chat}:{draft.nonce}",
            "source": "chat",
            "actor": f"telegram:{context.user}",
            "chat_id": context.chat,
            "lane": context.lane,
        }
    }
    return Turn(state=None, replies=[{"queued": about} | ({"edit": tapped} if tapped else {})], command=command)


def _ask(draft: Draft, context: Context, *, lead: Sequence[str] = (), edit: int | None = None) -> Turn:
    """The question of the draft's step, after the lines of `lead`. What is offered anew makes the buttons before it stale."""
    if context.earlier and context.earlier["id"] == draft.replaces:
        context = replace(context, earlier=None)  # it is this very one
    lines, rows = question(
        draft.step,
        dict(draft.values),
        context,
        picking=draft.picking,
        marked=draft.marked,
        editing=draft.editing,
    )
    offered = tuple(way for row in rows for _, value in row for way in _ways(value))
    asked = replace(draft, offered=offered, turn=draft.turn + (offered != draft.offered))
    told = [*lead, *(_notes(draft) if draft.step == CARD else ())]
    gap = [""] if told else []
    return Turn(state=asked.state(), replies=[say([*told, *gap, *lines], _buttons(asked, rows), edit)])


def _notes(draft: Draft) -> list[str]:
    return [f"{cards.NEEDED} {draft.notes[name]}" for name in (*cards.LABELS, "") if name in draft.notes]


def _ask_again(draft: Draft, mistake: FieldError, context: Context, *, edit: int | None = None) -> Turn:
    """The same question after an answer that cannot be right, with what would be."""
    return _ask(draft, context, lead=[_refusal(mistake)], edit=edit)


def _refusal(mistake: FieldError) -> str:
    """What is wrong and what would be right; the text itself is named where the hint does not."""
    named = mistake.hint.startswith((mistake.value, repr(mistake.value)))
    return ("" if named else f"I cannot use {code(mistake.value)}. ") + esc(mistake.hint)


def _ways(value: str) -> tuple[str, ...]:
    """What is offered with a choice: of a mark both ways, so that what the buttons stand for hangs on no mark."""
    if value.startswith("!"):
        return ()
    return (f"+{value[1:]}", f"-{value[1:]}") if value[0] in "+-" else (value,)


def _buttons(draft: Draft, rows: Sequence[Sequence[Choice]]) -> list[list[Json]]:
    return [[_button(draft, *choice) for choice in row] for row in rows]


def _button(draft: Draft, label: str, value: str) -> Json:
    return note(label, value[1:]) if value[0] == "!" else button(label, draft.data(draft.offered.index(value)))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
