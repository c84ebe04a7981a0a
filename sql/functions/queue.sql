-- The queue: coming in, being claimed by a worker, going back, and what admins do to a candidate.
--
-- Locks are always taken in this order, so that no two transactions wait for each other:
-- lane, candidate, people in sorted order, the audit's chain.

create or replace function public.candidate_json(p_row public.candidates) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(p_row);
$$;

create or replace function public.queue_position(p_row public.candidates) returns bigint
language sql stable set search_path = '' as $$
  select count(*) from public.candidates
  where p_row.status = 'queued' and status = 'queued' and lane = p_row.lane and number <= p_row.number;
$$;

create or replace function public.enqueued(p_row public.candidates, p_duplicate text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'candidate_id', p_row.id, 'number', p_row.number, 'status', p_row.status, 'position', public.queue_position(p_row),
    'created', p_duplicate is null, 'duplicate', p_duplicate, 'paused', public.lane_pause(p_row.lane) is not null
  );
$$;

create or replace function public.enqueue(
  p_request jsonb, p_key text, p_source text, p_actor text, p_chat_id bigint default null, p_lane text default 'main'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.candidates;
begin
  for v_try in 1 .. 5 loop  -- a rival may come in, or leave, between the looks and the insert
    select * into v_row from public.candidates where request_key = p_key;
    if found then
      return public.enqueued(v_row, 'key');
    end if;
    select * into v_row from public.candidates
    where email = lower(p_request ->> 'email') and course = p_request ->> 'course'
      and status in ('queued', 'planning', 'booking', 'booked', 'escalated', 'set_aside');
    if found then
      return public.enqueued(v_row, 'open');
    end if;
    insert into public.candidates (request, request_key, source, chat_id, lane)
    values (p_request, p_key, p_source, p_chat_id, p_lane)
    on conflict do nothing returning * into v_row;
    exit when found;
  end loop;
  if v_row.id is null then
    raise sqlstate '55P03' using message = 'the same request is coming in many times at once';
  end if;
  perform public.audit_append('enqueued', p_actor, v_row.id, jsonb_build_object('number', v_row.number, 'source', p_source));
  return public.enqueued(v_row, null);
end;
$$;

-- The candidate's row, locked, for a worker that has to show the fence it was given.
create or replace function public.lock_fenced(p_candidate_id uuid, p_fence bigint) returns public.candidates
language plpgsql set search_path = '' as $$
declare
  v_row public.candidates;
begin
  select * into v_row from public.candidates where id = p_candidate_id for update;
  if not found then
    raise sqlstate 'MS003' using message = format('there is no candidate %s', p_candidate_id);
  end if;
  if v_row.fence <> p_fence then
    raise sqlstate 'MS001' using
      message = format('candidate %s has been taken over: fence %s is now %s', v_row.number, p_fence, v_row.fence);
  end if;
  return v_row;
end;
$$;

create or replace function public.lock_candidate(p_candidate_id uuid) returns public.candidates
language plpgsql set search_path = '' as $$
declare
  v_row public.candidates;
begin
  select * into v_row from public.candidates where id = p_candidate_id for update;
  if not found then
    raise sqlstate 'MS003' using message = format('there is no candidate %s', p_candidate_id);
  end if;
  return v_row;
end;
$$;

-- Who is at a candidate, as the audit names them.
create or replace function public.worker_of(p_row public.candidates) returns text
language sql immutable set search_path = '' as $$
  select 'worker:' || coalesce(p_row.worker, 'released');
$$;

create or replace function public.wrong_state(p_row public.candidates, p_step text) returns void
language plpgsql set search_path = '' as $$
begin
  raise sqlstate 'MS002' using message = format('candidate %s is %s: cannot %s', p_row.number, p_row.status, p_step);
end;
$$;

-- The next candidate of a lane that a worker may have, locked: its own one first (its answer was lost), then work in progress
-- that nobody is at, then the queue. A row that another transaction has locked is passed over.
create or replace function public.lock_next(p_worker text, p_lane text) returns public.candidates
language plpgsql set search_path = '' as $$
declare
  v_row public.candidates;
begin
  select * into v_row from public.candidates
  where lane = p_lane and worker = p_worker and lease_until > clock_timestamp()
    and (status in ('planning', 'booking', 'cancelling') or unwinding)
  limit 1 for update skip locked;
  if not found then
    select * into v_row from public.candidates
    where lane = p_lane and (status in ('queued', 'planning', 'booking', 'cancelling') or unwinding)
      and not_before <= clock_timestamp() and (lease_until is null or lease_until <= clock_timestamp())
    order by (status = 'queued'), number limit 1 for update skip locked;
  end if;
  return v_row;
end;
$$;

create or replace function public.claim(p_worker text, p_lane text default 'main', p_lease_seconds integer default 30)
returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates;
  v_waited text;
begin
  perform pg_advisory_xact_lock(hashtextextended('lane:' || p_lane, 0));
  if exists (select from public.lanes where lane = p_lane and paused_at is not null) then
    return null;
  end if;
  if (select count(*) from public.candidates where lane = p_lane and lease_until > clock_timestamp() and worker <> p_worker)
    >= coalesce((select at_once from public.lanes where lane = p_lane), 1)
  then
    return null;
  end if;
  loop
    v_row := public.lock_next(p_worker, p_lane);
    if v_row.id is null then
      return null;
    end if;
    exit when v_row.attempts < 5;
    perform public.set_aside(v_row);
  end loop;
  v_waited := v_row.waits_for;
  update public.candidates set
    status = case status when 'queued' then 'planning' else status end, attempts = attempts + 1, fence = fence + 1, waits_for = null,
    worker = p_worker, lease_until = clock_timestamp() + make_interval(secs => p_lease_seconds), updated_at = clock_timestamp()
  where id = v_row.id returning * into v_row;
  perform public.audit_append('claimed', 'worker:' || p_worker, v_row.id, jsonb_build_object(
    'status', v_row.status, 'fence', v_row.fence, 'attempt', v_row.attempts
  ));
  return jsonb_build_object(
    'candidate', public.candidate_json(v_row) || jsonb_build_object('waited_for', v_waited),
    'interviews', public.interviews_json(v_row.id),
    'writes', public.writes_json(v_row.id),
    'waited', (
      select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float from public.calendar_writes
      where candidate_id = v_row.id and status = 'pending')
  );
end;
$$;

-- A candidate that five claims brought to no rest is taken out of the way of the others, and an admin is told. What it holds stays
-- held until the admin decides; what was to be undone for it in calendars is given up, and the escalation says so.
create or replace function public.set_aside(p_row public.candidates) returns void
language plpgsql set search_path = '' as $$
declare
  v_reason constant text := format('The worker stopped %s times in a row while it was at this candidate.', p_row.attempts);
  v_status constant text := case p_row.status when 'cancelling' then 'cancelled' when 'escalated' then 'escalated' else 'set_aside' end;
  v_escalation bigint;
begin
  update public.candidates set
    status = v_status, unwinding = false, attempts = 0, reason = v_reason, fence = fence + 1, worker = null, lease_until = null,
    updated_at = clock_timestamp()
  where id = p_row.id;
  update public.calendar_writes set status = 'failed', reason = 'crash', message = v_reason, ended_at = clock_timestamp()
  where candidate_id = p_row.id and v_status <> 'set_aside' and status in ('pending');
  v_escalation := public.open_escalation(
    p_row.id, 'crash', v_reason, jsonb_build_object('attempts', p_row.attempts, 'status', p_row.status, 'worker', p_row.worker),
    case v_status when 'set_aside' then '["requeue", "cancel"]' else '[]' end::jsonb, p_row.sop_version
  );
  perform public.add_notices(p_row.id, jsonb_build_array(jsonb_build_object(
    'key', format('set_aside:%s:%s', p_row.id, v_escalation), 'channel', 'telegram', 'kind', 'set_aside',
    'recipient', coalesce(p_row.chat_id::text, 'admins'),
    'payload', jsonb_build_object(
      'candidate', jsonb_build_object('id', p_row.id, 'number', p_row.number) || p_row.request,
      'reason', v_reason, 'escalation_id', v_escalation
    )
  )));
  perform public.audit_append('set_aside', 'database', p_row.id, jsonb_build_object(
    'from', p_row.status, 'status', v_status, 'attempts', p_row.attempts, 'escalation_id', v_escalation
  ));
end;
$$;

create or replace function public.heartbeat(p_candidate_id uuid, p_fence bigint, p_lease_seconds integer default 30)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
begin
  update public.candidates set lease_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where id = v_row.id and worker is not null;
  if not found then
    raise sqlstate 'MS001' using message = format('candidate %s is no longer leased to anybody', v_row.number);
  end if;
  return '{"ok": true}';
end;
$$;

create or replace function public.release(
  p_candidate_id uuid, p_fence bigint, p_not_before timestamptz default null, p_count_attempt boolean default false,
  p_reason text default ''
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_actor constant text := public.worker_of(v_row);
begin
  if v_row.worker is null then  -- already at rest, or released before
    return jsonb_build_object('status', v_row.status, 'changed', false);
  end if;
  update public.candidates set
    status = case status when 'planning' then 'queued' else status end, reason = p_reason,
    not_before = coalesce(p_not_before, clock_timestamp()), worker = null, lease_until = null,
    attempts = greatest(0, attempts - case when p_count_attempt then 0 else 1 end), updated_at = clock_timestamp()
  where id = v_row.id returning * into v_row;
  perform public.audit_append('released', v_actor, v_row.id, jsonb_build_object(
    'status', v_row.status, 'reason', p_reason, 'not_before', p_not_before
  ));
  return jsonb_build_object('status', v_row.status, 'changed', true);
end;
$$;

-- Back into the queue, or, when it crashed with times already held and nothing about the request changes, back to booking those.
create or replace function public.requeue(p_candidate_id uuid, p_actor text, p_request jsonb default null, p_reason text default '')
returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_candidate(p_candidate_id);
  v_from constant text := v_row.status;
  v_resume boolean;
begin
  if v_row.status in ('queued', 'planning') then  -- done before
    return public.candidate_json(v_row) || '{"changed": false}';
  end if;
  v_resume := p_request is null
    and exists (select from public.interviews where candidate_id = v_row.id and status = 'reserved');
  update public.candidates set
    status = case when v_resume then 'booking' else 'queued' end, request = coalesce(p_request, request), reason = p_reason,
    replan = case status when 'set_aside' then replan end, exceptions = exceptions - 'waived',  -- the whole course is wanted
    attempts = 0, not_before = clock_timestamp(), fence = fence + 1, worker = null, lease_until = null,
    updated_at = clock_timestamp()
  where id = v_row.id and status in ('escalated', 'set_aside') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be queued again');
  end if;
  if not v_resume then
    perform public.undo_booking(v_row.id, array['reserved']);
    update public.candidates set
      unwinding = exists (select from public.calendar_writes where candidate_id = v_row.id and status = 'pending')
    where id = v_row.id returning * into v_row;
  end if;
  perform public.close_escalations(v_row.id, p_actor, 'queued again');
  perform public.audit_append('requeued', p_actor, v_row.id, jsonb_build_object(
    'from', v_from, 'status', v_row.status, 'reason', p_reason, 'request_changed', p_request is not null
  ));
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;

-- A worker that is at the candidate keeps its lease but not its fence: it finishes the call it is making and writes nothing, and
-- nobody else cancels events in the meantime.
create or replace function public.cancel_candidate(p_candidate_id uuid, p_actor text, p_reason text default '') returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_candidate(p_candidate_id);
  v_from constant text := v_row.status;
  v_given_up constant jsonb := public.places_json(array(
    select id from public.interviews where candidate_id = v_row.id and status in ('reserved', 'booked')
  ));
  v_questions constant jsonb := (
    select coalesce(jsonb_agg(id order by id), '[]') from public.escalations where candidate_id = v_row.id and status = 'open'
  );
  v_pending boolean;
begin
  if v_row.status in ('cancelling', 'cancelled') then
    return public.candidate_json(v_row) || '{"changed": false}';
  end if;
  perform public.undo_booking(v_row.id, array['reserved', 'booked']);
  v_pending := exists (select from public.calendar_writes where candidate_id = v_row.id and status = 'pending');
  update public.candidates set
    status = case when v_pending then 'cancelling' else 'cancelled' end, reason = p_reason, unwinding = false, attempts = 0,
    fence = fence + 1, not_before = clock_timestamp(), updated_at = clock_timestamp(),
    worker = case when v_pending then worker end, lease_until = case when v_pending then lease_until end
  where id = v_row.id and status in ('queued', 'planning', 'booking', 'booked', 'escalated', 'set_aside')
  returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be cancelled');
  end if;
  perform public.close_escalations(v_row.id, p_actor, 'cancelled');
  perform public.audit_append(v_row.status, p_actor, v_row.id, jsonb_build_object(
    'from', v_from, 'reason', p_reason, 'interviews', v_given_up, 'questions', v_questions
  ));
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;
