"""The files of `sql/` as one script: what a new database needs, and what an older one still lacks. Knows no SQL of the domain.

`sql/migrations/NNNN_name.sql` are applied once, in order, and never changed afterwards; `sql/functions/*.sql` are applied again
whenever they have changed; `sql/access.sql` is applied after either. What was applied is kept in `schema_migrations`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "sql"
ACCESS = "access"

_OPENING = """\
-- Mock Interview Scheduler: the whole database, or what is missing of it. Safe to run again at any time.
begin;
set local client_min_messages = warning;
set local check_function_bodies = off;
set local search_path = '';
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('schema_migrations', 0));
create table if not exists public.schema_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default pg_catalog.clock_timestamp()
);
"""
_STEP = """
do $step_{number}$
begin
  if exists (select from public.schema_migrations where name = '{name}' and checksum = '{checksum}') then
    return;
  end if;{guard}
  execute $file_{number}$
{text}$file_{number}$;
  insert into public.schema_migrations (name, checksum) values ('{name}', '{checksum}')
  on conflict (name) do update set checksum = excluded.checksum, applied_at = pg_catalog.clock_timestamp();
end;
$step_{number}$;
"""
_ONCE = """
  if exists (select from public.schema_migrations where name = '{name}') then
    raise exception 'the migration {name} was applied in another version; migrations are never changed, add a new one';
  end if;"""
_CLOSING = """
notify pgrst, 'reload schema';
commit;
"""


@dataclass(frozen=True, kw_only=True)
class SqlFile:
    """A file of `sql/`: `name` such as `functions/queue`; `once` for migrations."""

    name: str
    text: str
    checksum: str
    once: bool


def sql_files(folder: Path = FOLDER) -> Sequence[SqlFile]:
    """All files in the order in which they are applied."""
    once = [_file(path, once=True) for path in sorted((folder / "migrations").glob("*.sql"))]
    again = [_file(path, once=False) for path in sorted((folder / "functions").glob("*.sql"))]
    # Changing anything may make objects with the rights that Postgres gives by default, so the checksum of the rights covers all.
    access = (folder / f"{ACCESS}.sql").read_text("utf-8")
    covered = "".join(file.checksum for file in (*once, *again))
    return [*once, *again, SqlFile(name=ACCESS, text=access, checksum=_checksum(covered + access), once=False)]


def migrations_script(folder: Path = FOLDER) -> str:
    """One script that brings any database, empty or older, to this version; it is one transaction and can be run again."""
    return _OPENING + "".join(_step(number, file) for number, file in enumerate(sql_files(folder), start=1)) + _CLOSING


def _step(number: int, file: SqlFile) -> str:
    guard = _ONCE.format(name=file.name) if file.once else ""
    return _STEP.format(number=number, name=file.name, checksum=file.checksum, guard=guard, text=file.text)


def _file(path: Path, *, once: bool) -> SqlFile:
    text = path.read_text("utf-8")
    return SqlFile(name=f"{path.parent.name}/{path.stem}", text=text, checksum=_checksum(text), once=once)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
