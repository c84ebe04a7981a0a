-- Taking back what somebody did at the desk. A deed is all that one transaction has written into the audit; its number is that of
-- its first row. What takes which deed back is decided in `lifecycle/undo.py`; here it is found, and done once.

-- Whether a row tells of what a person has changed: not of what a worker made of it, nor of what was said, seen or refused.
create or replace function public.is_deed(p_row public.scheduling_audit) returns boolean
language sql immutable set search_path = '' as $$
  select p_row.tx is not null and p_row.actor !~ '^(worker|interviewer):' and p_row.actor <> 'database' and p_row.action not in (
    'update_refused', 'reachable', 'event_edited', 'event_moved_back', 'decline_taken_back', 'orphan_removed'
  );
$$;

-- Whether a deed was taken back, or took another one back: then it is as if there had been neither.
create or replace function public.is_moot(p_tx bigint) returns boolean
language sql stable set search_path = '' as $$
  select exists (select from public.scheduling_audit where tx = p_tx and action = 'undone') or exists (
    select from public.scheduling_audit
    where key = 'undone:' || (select min(id) from public.scheduling_audit where tx = p_tx)
  );
$$;

-- A row of the newest deed of somebody, or (anybody's) about a candidate, that still counts; null when there is none.
create or replace function public.last_deed(p_actor text default null, p_candidate_id uuid default null) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  if p_candidate_id is not null then
    return (
      select to_jsonb(a.id) from public.scheduling_audit a
      where a.candidate_id = p_candidate_id and public.is_deed(a) and not public.is_moot(a.tx)
      order by a.id desc limit 1
    );
  end if;
  return (
    select to_jsonb(a.id) from public.scheduling_audit a
    where a.actor = p_actor and public.is_deed(a) and not public.is_moot(a.tx)
    order by a.id desc limit 1
  );
end;
$$;

create or replace function public.deed_row(p_row public.scheduling_audit) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(p_row) - '{key,tx,hash,previous_hash}'::text[];
$$;

-- The deed that a row of the audit is of, with all that it takes to say what would take it back.
-- later: what people have done about the same things since. came: what workers have made of it.
create or replace function public.deed(p_row bigint) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' as $$
declare
  v_tx constant bigint := (select tx from public.scheduling_audit where id = p_row);
  v_last constant bigint := (select max(id) from public.scheduling_audit where tx = v_tx);
  v_people constant uuid[] := array(
    select distinct candidate_id from public.scheduling_audit where tx = v_tx and candidate_id is not null
  );
  v_row public.scheduling_audit;  -- what concerns no one candidate
begin
  select * into v_row from public.scheduling_audit where tx = v_tx and candidate_id is null order by id desc limit 1;
  return jsonb_build_object(
    'now', clock_timestamp(), 'undone', public.is_moot(v_tx),
    'seen', (select max(id) from public.scheduling_audit),
    'rows', (select jsonb_agg(public.deed_row(a) order by a.id) from public.scheduling_audit a where a.tx = v_tx),
    'later', (
      select coalesce(jsonb_agg(public.deed_row(a) order by a.id), '[]') from public.scheduling_audit a
      where a.id > v_last and (a.candidate_id = any (v_people) or a.candidate_id is null and v_row.id is not null)
        and public.is_deed(a) and not public.is_moot(a.tx)
    ),
    'came', (
      select coalesce(jsonb_agg(public.deed_row(a) order by a.id), '[]') from public.scheduling_audit a
      where a.id > v_last and a.candidate_id = any (v_people) and a.action in ('rebooked', 'stood', 'escalated')
    ),
    'candidates', (
      select coalesce(jsonb_agg(public.match_json(c) order by c.number), '[]') from public.candidates c where c.id = any (v_people)
    ),
    'sop', (
      select jsonb_build_object('version', version, 'text', text) from public.sop_versions
      where v_row.action = 'sop_activated' and version = v_row.detail ->> 'before'
    ),
    'by', (
      select n.name from public.bot_names n join public.scheduling_audit a on a.actor = 'telegram:' || n.user_id where a.id = v_last
    ),
    'name', (
      select name from public.bot_names where v_row.action = 'role_changed' and user_id = (v_row.detail ->> 'user_id')::bigint
    ),
    'block', (
      select id from public.interviewer_blocks where v_row.action = 'interviewer_blocked' and interviewer = v_row.detail ->> 'interviewer'
        and during = tstzrange((v_row.detail ->> 'start')::timestamptz, (v_row.detail ->> 'end')::timestamptz)
    ),
    'affected', case v_row.action when 'interviewer_unblocked' then public.blocked_by(
      v_row.detail ->> 'interviewer', (v_row.detail ->> 'start')::timestamptz, (v_row.detail ->> 'end')::timestamptz
    ) else '[]' end
  );
end;
$$;

-- Takes a deed back by commands, all or nothing, unless somebody has done anything about it since row p_seen of the audit.
create or replace function public.take_back(p_deed bigint, p_seen bigint, p_commands jsonb, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_first public.scheduling_audit;
  v_people uuid[];
  v_command jsonb;
begin
  select * into v_first from public.scheduling_audit where id = p_deed;
  if v_first.tx is null then
    raise sqlstate 'MS003' using message = format('there is nothing to take back in row %s of the audit', p_deed);
  end if;
  perform pg_advisory_xact_lock(hashtextextended('undo:' || p_deed, 0));
  if public.is_moot(v_first.tx) then
    return '{"changed": false}';
  end if;
  v_people := array(select distinct candidate_id from public.scheduling_audit where tx = v_first.tx and candidate_id is not null order by 1);
  perform public.lock_candidate(id) from unnest(v_people) id;
  for v_command in select c from jsonb_array_elements(p_commands) with ordinality as commands (c, place) order by place loop
    perform public.undo_step(v_command, p_actor);
  end loop;
  -- Only now, when what it is about is locked, nobody can be under way with it.
  if exists (
    select from public.scheduling_audit a
    where a.id > p_seen and a.tx <> pg_current_xact_id()::text::bigint and public.is_deed(a)
      and (a.candidate_id = any (v_people) or a.candidate_id is null and exists (
        select from public.scheduling_audit where tx = v_first.tx and candidate_id is null))
  ) then
    raise sqlstate 'MS002' using message = 'something was done about it meanwhile';
  end if;
  perform public.recall_notices(p_deed, v_first.at, v_people);
  perform public.audit_append('undone', p_actor, case cardinality(v_people) when 1 then v_people[1] end,
    jsonb_build_object('undoes', p_deed, 'action', v_first.action), p_key => 'undone:' || p_deed);
  return jsonb_build_object('changed', true, 'candidate_id', case cardinality(v_people) when 1 then v_people[1] end);
end;
$$;

-- One command of an undo: what the desk can do anyway, or what only an undo needs. It must change something.
create or replace function public.undo_step(p_command jsonb, p_actor text) returns void
language plpgsql set search_path = '' as $$
declare
  v_name constant text := (select key from jsonb_each(p_command) limit 1);
  v_args constant jsonb := p_command -> v_name || jsonb_build_object('actor', p_actor);
  v_outcome constant jsonb := case v_name
    when 'reopen_candidate' then public.reopen_candidate(
      (v_args ->> 'candidate_id')::uuid, p_actor, v_args ->> 'status', nullif(v_args -> 'replan', 'null'), v_args -> 'questions')
    when 'reopen_escalation' then public.reopen_escalation((v_args ->> 'escalation_id')::bigint, p_actor)
    when 'withdraw_replan' then public.withdraw_replan(
      (v_args ->> 'candidate_id')::uuid, p_actor, v_args -> 'before', (v_args ->> 'give_up')::boolean)
    else public.desk_command(jsonb_build_object(v_name, v_args))
  end;
begin
  if v_outcome ? 'refused' or not coalesce((v_outcome ->> 'changed')::boolean, true) then
    raise sqlstate 'MS002' using message = format('%s: %s', v_name, coalesce(v_outcome ->> 'message', 'there is nothing to change'));
  end if;
end;
$$;

-- Whoever was told what came of a deed is told to ignore it; what nobody has set out to send yet is not sent. Interviewers are not
-- in it: they hear whatever is different from what they were told last.
create or replace function public.recall_notices(p_deed bigint, p_since timestamptz, p_people uuid[]) returns void
language plpgsql set search_path = '' as $$
declare
  v_notices jsonb;
begin
  update public.notices set status = 'void', lease_until = null
  where candidate_id = any (p_people) and created_at >= p_since and status in ('pending') and recipient not like 'interviewer:%';
  select jsonb_agg(jsonb_build_object(
    'key', format('undone:%s:%s:%s', p_deed, told.channel, told.who), 'channel', told.channel, 'recipient', told.who, 'kind', 'undone',
    'payload', jsonb_build_object('names', told.names)
  )) into v_notices
  from (
    select n.channel, reached.who, (
      select jsonb_agg(c.name order by c.number) from public.candidates c where c.id = any (array_agg(n.candidate_id))
    ) as names
    from public.notices n cross join lateral (
      select split_part(place, ':', 1) as who from regexp_split_to_table(n.receipt, ' ') place where n.status = 'sent' and place <> ''
      union
      select case when n.recipient ~ '^\d+$' then n.recipient else 'admins' end where n.status = 'void' and n.attempts > 0
    ) reached
    where n.candidate_id = any (p_people) and n.created_at >= p_since and n.recipient not like 'interviewer:%'
    group by n.channel, reached.who
  ) told;
  perform public.add_notices(case cardinality(p_people) when 1 then p_people[1] end, v_notices);
end;
$$;

-- A candidate who was cancelled is open again with the same request. Events that are still to be cancelled are so first: what is
-- booked again is another event. p_questions: those that the cancelling closed, but for those about events that are gone.
create or replace function public.reopen_candidate(
  p_candidate_id uuid, p_actor text, p_status text, p_replan jsonb default null, p_questions jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_candidate(p_candidate_id);
begin
  update public.candidates set
    status = p_status, replan = p_replan, reason = 'taken back', attempts = 0, fence = fence + 1, not_before = clock_timestamp(),
    unwinding = exists (select from public.calendar_writes where candidate_id = v_row.id and status = 'pending'),
    worker = null, lease_until = null, updated_at = clock_timestamp()
  where id = v_row.id and status in ('cancelling', 'cancelled') and coalesce(lease_until, '-infinity') <= clock_timestamp()
    and p_status in ('queued', 'escalated', 'set_aside')
  returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be opened again just now');
  end if;
  update public.escalations e set
    status = 'open', resolved_at = null, resolved_by = null, resolution = null,
    held_since = clock_timestamp(), put_off_until = null, all_told_at = null
  where e.id in (select value::bigint from jsonb_array_elements_text(p_questions)) and e.candidate_id = v_row.id
    and e.status in ('resolved') and not jsonb_path_exists(e.options, '$[*].generation')
    and not exists (select from public.escalations o where o.candidate_id = e.candidate_id and o.kind = e.kind and o.status = 'open');
  perform public.audit_append('reopened', p_actor, v_row.id, jsonb_build_object('status', v_row.status, 'questions', p_questions));
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;

create or replace function public.reopen_escalation(p_escalation_id bigint, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.escalations;
begin
  update public.escalations set
    status = 'open', resolved_at = null, resolved_by = null, resolution = null,
    held_since = clock_timestamp(), put_off_until = null, all_told_at = null
  where id = p_escalation_id and status in ('resolved') returning * into v_row;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.audit_append('escalation_reopened', p_actor, v_row.candidate_id, jsonb_build_object(
    'escalation_id', v_row.id, 'kind', v_row.kind
  ));
  return public.escalation_json(v_row) || '{"changed": true}';
end;
$$;

-- A wish for another plan is forgotten, and the candidate is as before it: p_before has the status, replan, exceptions, reason and
-- request. With p_give_up the wish has led to the first interviews there are, and they are given up.
create or replace function public.withdraw_replan(p_candidate_id uuid, p_actor text, p_before jsonb, p_give_up boolean default false)
returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_candidate(p_candidate_id);
begin
  if p_give_up then
    perform public.undo_booking(v_row.id, array['booked']);
  end if;
  update public.candidates set
    status = p_before ->> 'status', replan = nullif(p_before -> 'replan', 'null'), exceptions = p_before -> 'exceptions',
    request = request || (p_before -> 'request'), reason = p_before ->> 'reason', attempts = 0, not_before = clock_timestamp(),
    unwinding = exists (select from public.calendar_writes where candidate_id = v_row.id and status = 'pending'),
    fence = fence + 1, worker = null, lease_until = null, updated_at = clock_timestamp()
  where id = v_row.id and status in ('queued', 'booked', 'escalated') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'have its wish for a plan forgotten');
  end if;
  perform public.audit_append('replan_withdrawn', p_actor, v_row.id, jsonb_build_object('status', v_row.status));
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;
