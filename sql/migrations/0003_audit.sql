-- What happened, for good: rows are only ever added, and each seals the one before it.

create table public.scheduling_audit (
  id bigint primary key check (id >= 1),
  at timestamptz not null,
  action text not null check (action <> ''),
  actor text not null check (actor <> ''),
  candidate_id uuid,
  interview_id uuid,
  sop_version text,
  key text unique,
  detail jsonb not null,
  previous_hash bytea not null,
  hash bytea not null
);

create index scheduling_audit_candidate on public.scheduling_audit (candidate_id, id) where candidate_id is not null;

create function public.refuse_audit_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise sqlstate 'MS004' using message = format('scheduling_audit is append-only: %s refused', lower(tg_op));
end;
$$;

create trigger scheduling_audit_append_only before update or delete on public.scheduling_audit
  for each row execute function public.refuse_audit_change();
create trigger scheduling_audit_no_truncate before truncate on public.scheduling_audit
  for each statement execute function public.refuse_audit_change();

comment on table public.scheduling_audit is
  'One row for each change of state. Append-only; ids have no gaps and each row''s hash covers the row before it, so verify_audit() finds any tampering.';
comment on column public.scheduling_audit.actor is 'Who did it: worker:<name>, telegram:<user id>, cli:<user> and so on.';
comment on column public.scheduling_audit.key is 'Set where a record could be made twice: the second one is not made.';
comment on column public.scheduling_audit.detail is 'Facts, ids, and reasons in the words of whoever gave them; names and addresses of people stand in candidates.';
