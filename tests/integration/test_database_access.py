"""Who gets in: the service's key does, a public key sees and calls nothing, and no function can be led astray."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege

from database.migrations import FOLDER
from supabase_db import Database, apply_migrations
from tests.integration.life import booked

Admin = Connection[tuple[Any, ...]]

RELATIONS = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = any(%s) order by 1"
# Constructors of our range type belong to the type, not to us.
FUNCTIONS = """
select proname from pg_proc
where pronamespace = 'public'::regnamespace and proname not in ('textrange', 'textmultirange') and {condition} order by 1
"""


def names(admin: Admin, query: str, *arguments: Any) -> list[str]:
    return [row[0] for row in admin.execute(query, arguments or None).fetchall()]


def tables_and_views(admin: Admin) -> list[str]:
    return names(admin, RELATIONS, ["r", "v", "m", "p"])


def functions(admin: Admin, condition: str = "true") -> list[str]:
    return names(admin, FUNCTIONS.format(condition=condition))


def listed(kind: str) -> set[str]:
    """The names in a list of `access.sql`."""
    text = (FOLDER / "access.sql").read_text()
    found = re.search(rf"v_{kind} constant text\[\] := array\[(.*?)\]", text, re.DOTALL)
    assert found
    return set(re.findall(r"'(\w+)'", found[1]))


def test_the_lists_of_what_is_closed_are_complete(admin: Admin) -> None:
    assert listed("tables") == set(names(admin, RELATIONS, ["r", "p"]))
    assert listed("views") == set(names(admin, RELATIONS, ["v", "m"]))
    assert listed("functions") == set(functions(admin))


def test_row_level_security_is_on_everywhere_and_lets_nobody_through(admin: Admin) -> None:
    open_tables = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"

    assert names(admin, f"{open_tables} and not relrowsecurity") == []
    assert admin.execute("select count(*) from pg_policy").fetchone() == (0,)


def test_views_see_what_the_reader_may_see(admin: Admin) -> None:
    views = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'"

    assert names(admin, f"{views} and not 'security_invoker=true' = any(coalesce(reloptions, '{{}}'))") == []


def test_every_function_has_a_fixed_path_and_the_rights_of_its_caller(admin: Admin) -> None:
    assert functions(admin, "prosecdef") == []
    assert functions(admin, "not coalesce('search_path=\"\"' = any(proconfig), false)") == []


def test_what_an_admin_will_query_is_explained(admin: Admin) -> None:
    unexplained = "and obj_description(oid, 'pg_class') is null order by"

    assert names(admin, RELATIONS.replace("order by", unexplained), ["r", "v", "p"]) == ["schema_migrations"]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_a_public_key_sees_and_calls_nothing(database: Database, admin: Admin, role: str) -> None:
    await booked(database)
    admin.execute(sql.SQL("set role {}").format(sql.Identifier(role)))

    for relation in tables_and_views(admin):
        with pytest.raises(InsufficientPrivilege):
            admin.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("public", relation)))
    for table in sorted(listed("tables")):
        for verb in ("delete from {}", "insert into {} default values", "truncate {}"):
            with pytest.raises(InsufficientPrivilege):
                admin.execute(sql.SQL(verb).format(sql.Identifier("public", table)))
    assert functions(admin, "has_function_privilege(oid, 'execute')") == []


async def test_even_with_rights_on_the_tables_a_public_key_sees_no_row(database: Database, admin: Admin) -> None:
    """The second wall: somebody grants too much in a console."""
    await booked(database)
    admin.execute("grant select, update, delete on all tables in schema public to anon")
    admin.execute("set role anon")

    for relation in tables_and_views(admin):
        counted = admin.execute(sql.SQL("select count(*) from {}").format(sql.Identifier("public", relation)))
        assert counted.fetchone() == (0,), relation


@pytest.mark.parametrize(
    ("key", "status"), [("publishable", 403), ("person", 403), ("nonsense", 401), ("service", 200)]
)
def test_over_http_only_the_service_key_calls(supabase_url: str, key: str, status: int) -> None:
    headers = {"apikey": key, "Authorization": f"Bearer {key}"}

    answer = httpx.post(f"{supabase_url}/rest/v1/rpc/queue_counts", headers=headers, json={})

    assert answer.status_code == status


async def test_the_service_key_cannot_rewrite_history(database: Database, admin: Admin) -> None:
    await booked(database)
    admin.execute("set role service_role")

    for change in (
        "update scheduling_audit set actor = 'x'",
        "delete from scheduling_audit",
        "truncate scheduling_audit",
        "delete from candidates",
        "alter table scheduling_audit disable trigger all",
    ):
        with pytest.raises(InsufficientPrivilege):
            admin.execute(change)


async def test_objects_of_the_same_name_elsewhere_are_never_used(dsn: str) -> None:
    """Somebody who may make objects in some schema puts it first on the path."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create schema evil")
        connection.execute("create table evil.candidates (like public.candidates)")
        connection.execute("create function evil.clock_timestamp() returns timestamptz return timestamptz 'infinity'")
        connection.execute("create function evil.audit_append(text) returns bigint return 1 / 0")
        connection.execute("set search_path = evil, pg_catalog, public")
        request = '{"name": "Priya", "email": "priya@example.com", "course": "java"}'
        connection.execute("select public.enqueue(%s, 'k', 'chat', 'telegram:7')", [request])
        connection.execute("select public.claim('w1')")

        kept = connection.execute("select status from public.candidates").fetchall()
        shadow = connection.execute("select count(*) from evil.candidates").fetchone()

    assert kept == [("planning",)]
    assert shadow == (0,)


def test_supabase_gives_new_objects_to_everybody_and_we_take_them_back(empty_dsn: str) -> None:
    """Older projects grant everything new to the public roles by default."""
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        for kind in ("tables", "functions", "sequences"):
            connection.execute(
                sql.SQL("alter default privileges in schema public grant all on {} to anon, authenticated").format(
                    sql.SQL(kind)
                )
            )
        apply_migrations(empty_dsn)
        connection.execute("set role anon")

        with pytest.raises(InsufficientPrivilege):
            connection.execute("select count(*) from public.candidates")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("select public.queue_counts()")


def test_no_sql_grants_anything_to_a_public_role() -> None:
    granted = re.compile(r"grant\s.*\bto\s+(public|anon|authenticated)\b", re.IGNORECASE)

    for path in Path(FOLDER).rglob("*.sql"):
        assert not granted.search(path.read_text()), path
