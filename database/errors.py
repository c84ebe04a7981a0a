"""What the database's codes mean to us: one place for both wires, so that callers see the same errors on either."""

from __future__ import annotations

from domain.errors import DatabaseError, DatabaseUnavailable, LostLease, SlotTaken, WrongState

# Rolled back for a reason that has passed a moment later: the whole call may be made again, whatever it was.
PASSING = frozenset({"40001", "40P01", "55P03"})
# Nobody answered for the database, or it was on its way out. 57014 is a timeout of the server's: rolled back too.
_AWAY = frozenset({"PGRST000", "PGRST001", "PGRST002", "PGRST003", "57014", "57P01", "57P02", "57P03", "57P05"})
_REFUSED = frozenset({"28000", "28P01", "42501", "401", "403", "PGRST300", "PGRST301", "PGRST302", "PGRST303"})
_OUTDATED = frozenset({"42883", "42P01", "42703", "3F000", "PGRST202", "PGRST203", "PGRST205"})
_OURS = {"23P01": SlotTaken, "MS001": LostLease, "MS002": WrongState, "MS003": WrongState, "MS004": DatabaseError}


def error_of(code: str | None, message: str) -> DatabaseError:
    """The error for a SQLSTATE, a code of PostgREST's, or an HTTP status as text; `code` None means there was none."""
    code = code or ""
    if code == "23P01":
        return SlotTaken()  # the database's words are about ranges, not about people
    if code in _OURS:
        return _OURS[code](message)
    if code in PASSING or is_away(code):
        return DatabaseUnavailable(f"the database cannot do this now ({code}): {message}")
    if code in _REFUSED:
        return DatabaseError(f"the database does not let us in ({code}): {message}; check the key or the password")
    if code in _OUTDATED:
        return DatabaseError(
            f"the database is not prepared for this version ({code}): {message}; run what `python main.py sql` prints"
        )
    return DatabaseError(f"the database refused ({code or 'no code'}): {message}")


def is_away(code: str) -> bool:
    """Whether the code says that the database was out of reach or closing: what became of the call is not known."""
    is_status = len(code) == 3 and code.isdigit() and (code[0] == "5" or code in {"408", "429"})
    return code in _AWAY or code[:2] in {"08", "53"} or is_status
