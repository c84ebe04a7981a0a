-- The audit: adding to it, and proving that nobody else did.

create or replace function public.audit_hash(p_row public.scheduling_audit) returns bytea
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select sha256(convert_to((jsonb_build_array(
    p_row.id, p_row.at, p_row.action, p_row.actor, p_row.candidate_id, p_row.interview_id, p_row.sop_version,
    p_row.key, p_row.detail, encode(p_row.previous_hash, 'hex')
  ) || case when p_row.tx is null then '[]' else jsonb_build_array(p_row.tx) end)::text, 'UTF8'));
$$;

comment on function public.audit_hash is 'The seal of a row: SHA-256 over all its columns, the seal of the row before it among them.';

-- Call it last in a transaction: the lock on the chain is held until the commit, and whoever holds it must not wait for anybody.
create or replace function public.audit_append(
  p_action text, p_actor text, p_candidate_id uuid default null, p_detail jsonb default '{}',
  p_sop_version text default null, p_interview_id uuid default null, p_key text default null
) returns bigint
language plpgsql set search_path = '' as $$
declare
  v_last public.scheduling_audit;
  v_new public.scheduling_audit;
begin
  perform pg_advisory_xact_lock(hashtextextended('scheduling_audit', 0));
  if p_key is not null then
    select * into v_new from public.scheduling_audit where key = p_key;
    if found then
      return v_new.id;
    end if;
  end if;
  select * into v_last from public.scheduling_audit order by id desc limit 1;
  v_new.id := coalesce(v_last.id, 0) + 1;
  v_new.at := clock_timestamp();
  v_new.action := p_action;
  v_new.actor := p_actor;
  v_new.candidate_id := p_candidate_id;
  v_new.interview_id := p_interview_id;
  v_new.sop_version := p_sop_version;
  v_new.key := p_key;
  v_new.detail := coalesce(p_detail, '{}');
  v_new.tx := pg_current_xact_id()::text::bigint;
  v_new.previous_hash := coalesce(v_last.hash, '\x');
  v_new.hash := public.audit_hash(v_new);
  insert into public.scheduling_audit values (v_new.*);
  return v_new.id;
end;
$$;

create or replace function public.record_audit(
  p_action text, p_actor text, p_candidate_id uuid default null, p_detail jsonb default '{}', p_key text default null
) returns jsonb
language plpgsql set search_path = '' as $$
begin
  return jsonb_build_object('id', public.audit_append(
    p_action, p_actor, p_candidate_id => p_candidate_id, p_detail => p_detail, p_key => p_key
  ));
end;
$$;

create or replace function public.audit_trail(p_candidate_id uuid default null, p_limit integer default 100) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(
    to_jsonb(newest) - '{previous_hash,hash}'::text[] || jsonb_build_object('hash', encode(newest.hash, 'hex'), 'name', c.name)
    order by newest.id
  ), '[]')
  from (
    select * from public.scheduling_audit
    where p_candidate_id is null or candidate_id = p_candidate_id
    order by id desc limit p_limit
  ) newest left join public.candidates c on c.id = newest.candidate_id;
$$;

drop function if exists public.verify_audit();

-- p_rows: look at the newest so many only; whether the first of them follows the one before it is not seen then.
create or replace function public.verify_audit(p_rows bigint default null) returns jsonb
language sql stable set search_path = '' as $$
  with cut as (
    select greatest(0, coalesce(max(id) - p_rows, 0)) as after from public.scheduling_audit
  ), chain as (
    select
      a.id, a.hash,
      (cut.after = 0 or a.id <> cut.after + 1) and (
        a.id is distinct from coalesce(lag(a.id) over w, 0) + 1
        or a.previous_hash is distinct from coalesce(lag(a.hash) over w, '\x')
      )
      or a.hash is distinct from public.audit_hash(a) as broken
    from public.scheduling_audit a join cut on a.id > cut.after
    window w as (order by a.id)
  )
  select jsonb_build_object(
    'ok', count(*) filter (where broken) = 0,
    'rows', count(*),
    'broken_at', min(id) filter (where broken),
    'head', (select jsonb_build_object('id', id, 'hash', encode(hash, 'hex')) from chain order by id desc limit 1)
  ) from chain;
$$;

comment on function public.verify_audit is
  'Whether the chain is whole, and the first row that is not as it was sealed. Note the head elsewhere from time to time: only that shows that rows were cut off the end.';
