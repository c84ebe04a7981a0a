-- Booking: taking times, writing events, coming to rest, and giving a booking up.

create or replace function public.interview_json(p_row public.interviews) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(p_row) - '{starts_at,ends_at,during,event_handle,event_etag,event_link,event_meeting}'::text[]
    || jsonb_build_object(
      'start', p_row.starts_at, 'end', p_row.ends_at, 'handle', p_row.event_handle, 'etag', p_row.event_etag,
      'link', p_row.event_link, 'meeting', p_row.event_meeting
    );
$$;

create or replace function public.interviews_json(p_candidate_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(public.interview_json(i) order by i.position), '[]')
  from public.interviews i where i.candidate_id = p_candidate_id and i.status in ('reserved', 'booked', 'done');
$$;

create or replace function public.write_json(p_row public.calendar_writes) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(p_row) || jsonb_build_object(
    'key', format('%s-%s', p_row.interview_id, p_row.generation), 'handle', i.event_handle, 'etag', i.event_etag, 'round', i.round,
    'said', i.event_said, 'edits', i.event_edits
  ) from public.interviews i where i.id = p_row.interview_id;
$$;

create or replace function public.writes_json(p_candidate_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(public.write_json(w) order by w.id), '[]')
  from public.calendar_writes w where w.candidate_id = p_candidate_id and w.status = 'pending';
$$;

create or replace function public.booked_between(p_start timestamptz, p_end timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  -- Only what a plan has to know, and no function per row: there may be a thousand rows.
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', i.id, 'candidate', c.email, 'course', i.course, 'round', i.round, 'start', i.starts_at, 'end', i.ends_at,
    'interviewers', i.interviewers, 'event_said', i.event_said
  ) order by i.starts_at, i.id), '[]')
  from public.interviews i join public.candidates c on c.id = i.candidate_id
  where i.status in ('reserved', 'booked', 'done') and i.during && tstzrange(p_start, p_end);
$$;

-- Everybody whose time is about to be taken is locked first, in sorted order: exclusion constraints alone deadlock on panels.
create or replace function public.lock_people(p_people text[]) returns void
language plpgsql set search_path = '' as $$
declare
  v_person text;
begin
  for v_person in select distinct person collate "C" from unnest(p_people) person order by 1 loop
    perform pg_advisory_xact_lock(hashtextextended(v_person, 0));
  end loop;
end;
$$;

create or replace function public.seated(p_seats jsonb) returns text[]
language sql immutable set search_path = '' as $$
  select array_agg(seat.value ->> 'interviewer' order by seat.ordinality) from jsonb_array_elements(p_seats) with ordinality seat;
$$;

create or replace function public.add_interviews(p_row public.candidates, p_sop_version text, p_interviews jsonb) returns void
language sql set search_path = '' as $$
  insert into public.interviews (
    id, candidate_id, course, round, position, title, starts_at, ends_at, interviewers, seats, why, sop_version
  )
  select
    i.id, p_row.id, p_row.course, i.round, i.position, i.title, i.start, i."end", public.seated(i.seats), i.seats,
    coalesce(i.why, '{}'), p_sop_version
  from jsonb_to_recordset(p_interviews) as i (
    id uuid, round text, position integer, title text, start timestamptz, "end" timestamptz, seats jsonb, why jsonb
  );
$$;

-- The time that interviews take of people: of the candidate while they last, of each interviewer until hold_until.
create or replace function public.holds_of(p_email text, p_interviews jsonb)
returns table (interview_id uuid, person text, during tstzrange)
language sql immutable set search_path = '' as $$
  select i.id, h.person, tstzrange(i.start, h.until)
  from jsonb_to_recordset(p_interviews) as i (id uuid, start timestamptz, "end" timestamptz, seats jsonb)
  cross join lateral (
    select 'candidate:' || p_email, i."end"
    union all
    select 'interviewer:' || seat.interviewer, greatest(i."end", seat.hold_until)
    from jsonb_to_recordset(i.seats) as seat (interviewer text, hold_until timestamptz)
  ) h (person, until);
$$;

-- The constraint on holds refuses with 23P01 what somebody else has taken meanwhile. Lock everybody first.
create or replace function public.add_holds(p_email text, p_interviews jsonb) returns void
language sql set search_path = '' as $$
  insert into public.holds (interview_id, person, during) select * from public.holds_of(p_email, p_interviews);
$$;

-- All times of a plan, or none.
create or replace function public.take_times(p_row public.candidates, p_sop_version text, p_interviews jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform public.add_interviews(p_row, p_sop_version, p_interviews);
  perform public.lock_people(array(select person from public.holds_of(p_row.email, p_interviews)));
  perform public.add_holds(p_row.email, p_interviews);
  insert into public.calendar_writes (candidate_id, interview_id, verb, generation, revision, payload)
  select p_row.id, i.id, 'put', 1, 0, coalesce(i.event, '{}')
  from jsonb_to_recordset(p_interviews) as i (id uuid, position integer, event jsonb) order by i.position;
end;
$$;

-- Interviews as the audit tells of them.
create or replace function public.places_json(p_ids uuid[]) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', i.id, 'round', i.round, 'start', i.starts_at, 'end', i.ends_at, 'interviewers', i.interviewers) order by i.position), '[]')
  from public.interviews i where i.id = any (p_ids);
$$;

create or replace function public.reserve(
  p_candidate_id uuid, p_fence bigint, p_sop_version text, p_interviews jsonb, p_detail jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_ids constant uuid[] := array(select (i ->> 'id')::uuid from jsonb_array_elements(p_interviews) i);
begin
  if v_row.status = 'booking' and v_ids <@ array(select id from public.interviews where candidate_id = v_row.id) then
    return jsonb_build_object('interviews', public.interviews_json(v_row.id), 'writes', public.writes_json(v_row.id));
  end if;
  if cardinality(v_ids) = 0 then
    raise sqlstate 'MS002' using message = format('there is nothing to reserve for candidate %s', v_row.number);
  end if;
  update public.candidates set status = 'booking', sop_version = p_sop_version, reason = '', updated_at = clock_timestamp()
  where id = v_row.id and status in ('planning') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'have times reserved');
  end if;
  perform public.take_times(v_row, p_sop_version, p_interviews);
  perform public.audit_append('reserved', public.worker_of(v_row), v_row.id, coalesce(p_detail, '{}') || jsonb_build_object(
    'interviews', public.places_json(v_ids)
  ), p_sop_version);
  return jsonb_build_object('interviews', public.interviews_json(v_row.id), 'writes', public.writes_json(v_row.id));
end;
$$;

-- A calendar write that is still wanted, for a worker that still has its candidate. Null when it has ended as p_ended before.
create or replace function public.lock_write(p_write_id bigint, p_fence bigint, p_ended text) returns public.calendar_writes
language plpgsql set search_path = '' as $$
declare
  v_write public.calendar_writes;
begin
  select * into v_write from public.calendar_writes where id = p_write_id;
  if not found then
    raise sqlstate 'MS003' using message = format('there is no calendar write %s', p_write_id);
  end if;
  perform public.lock_fenced(v_write.candidate_id, p_fence);
  select * into v_write from public.calendar_writes where id = p_write_id;  -- as it is now that nobody else can change it
  if v_write.status not in ('pending', p_ended) then
    raise sqlstate 'MS002' using message = format('calendar write %s is %s, no longer pending', p_write_id, v_write.status);
  end if;
  return v_write;
end;
$$;

create or replace function public.write_done(p_write_id bigint, p_fence bigint, p_result jsonb default '{}') returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_write public.calendar_writes := public.lock_write(p_write_id, p_fence, 'done');
begin
  if v_write.status = 'done' then
    return public.write_json(v_write);
  end if;
  update public.calendar_writes set status = 'done', attempts = attempts + 1, retry_at = null, ended_at = clock_timestamp()
  where id = p_write_id and status in ('pending') returning * into v_write;
  update public.interviews set
    event_handle = case v_write.verb when 'put' then coalesce(p_result ->> 'handle', '') else event_handle end,
    event_etag = case v_write.verb when 'put' then coalesce(p_result ->> 'etag', '') else '' end,
    event_link = case v_write.verb when 'put' then coalesce(p_result ->> 'link', '') else '' end,
    event_meeting = case v_write.verb when 'put' then coalesce(p_result ->> 'meeting', '') else '' end,
    event_said = case v_write.verb when 'put' then coalesce(p_result -> 'said', event_said) else event_said end,
    event_edits = coalesce(p_result -> 'edits', event_edits),
    look_at = case v_write.verb when 'put' then 'epoch' else look_at end,  -- a list of changes never tells what came and went
    updated_at = clock_timestamp()
  where id = v_write.interview_id;
  perform public.audit_append(
    case v_write.verb when 'put' then 'event_written' else 'event_cancelled' end, public.worker_of(public.lock_candidate(v_write.candidate_id)), v_write.candidate_id,
    jsonb_build_object('write_id', v_write.id, 'generation', v_write.generation, 'revision', v_write.revision),
    p_interview_id => v_write.interview_id
  );
  return public.write_json(v_write);
end;
$$;

-- With p_retry_at it is tried again then; without, trying again cannot help. An event that cannot be cancelled is for an admin.
create or replace function public.write_failed(
  p_write_id bigint, p_fence bigint, p_reason text, p_message text default '', p_retry_at timestamptz default null
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_write public.calendar_writes := public.lock_write(p_write_id, p_fence, 'failed');
begin
  if v_write.status = 'failed' or (v_write.retry_at = p_retry_at and v_write.reason = p_reason) then
    return public.write_json(v_write);
  end if;
  update public.calendar_writes set
    status = case when p_retry_at is null then 'failed' else 'pending' end, attempts = attempts + 1, retry_at = p_retry_at,
    reason = p_reason, message = p_message, ended_at = case when p_retry_at is null then clock_timestamp() end
  where id = p_write_id and status in ('pending') returning * into v_write;
  if v_write.status = 'failed' and v_write.verb = 'cancel' then
    perform public.open_escalation(v_write.candidate_id, 'undo', 'An event could not be cancelled in the calendar: ' || p_message,
      jsonb_build_object('interview_id', v_write.interview_id, 'reason', p_reason), '[]', null);
  end if;
  if v_write.status = 'failed' then
    perform public.audit_append('event_failed', public.worker_of(public.lock_candidate(v_write.candidate_id)), v_write.candidate_id,
      jsonb_build_object('write_id', v_write.id, 'verb', v_write.verb, 'reason', p_reason), p_interview_id => v_write.interview_id);
  end if;
  return public.write_json(v_write);
end;
$$;

-- Gives back the times of interviews in the given states. Their events are cancelled later, by writes that are made here: whether
-- an event exists can only be known by asking the calendar, so there is one for each that was ever to be made.
create or replace function public.undo_booking(p_candidate_id uuid, p_states text[]) returns void
language plpgsql set search_path = '' as $$
declare
  v_ids constant uuid[] := array(
    select id from public.interviews where candidate_id = p_candidate_id and status = any (p_states)
  );
begin
  update public.interviews set status = 'cancelled', updated_at = clock_timestamp() where id = any (v_ids);
  update public.holds set live = false where interview_id = any (v_ids);
  update public.calendar_writes set status = 'void', ended_at = clock_timestamp()
  where interview_id = any (v_ids) and status in ('pending');
  insert into public.calendar_writes (candidate_id, interview_id, verb, generation, revision, payload)
  select p_candidate_id, i.id, 'cancel', newest.generation, newest.revision, newest.payload
  from public.interviews i cross join lateral (
    select * from public.calendar_writes w where w.interview_id = i.id and w.verb = 'put'
    order by w.generation desc, w.revision desc limit 1
  ) newest
  where i.id = any (v_ids) order by i.position
  on conflict do nothing;
  perform public.tell_interviewers(p_candidate_id);
end;
$$;

create or replace function public.settle(p_candidate_id uuid, p_fence bigint, p_notices jsonb default '[]') returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_from constant text := v_row.status;
  v_actor constant text := public.worker_of(v_row);
begin
  if v_row.status in ('booked', 'done', 'cancelled') or (v_row.status in ('escalated', 'set_aside') and not v_row.unwinding) then
    return public.candidate_json(v_row) || '{"changed": false}';
  end if;
  if exists (
    select from public.calendar_writes w join public.interviews i on i.id = w.interview_id
    where w.candidate_id = v_row.id and (w.status = 'pending' or w.status = 'failed' and w.verb = 'put' and i.status = 'reserved')
  ) then
    raise sqlstate 'MS002' using message = format('candidate %s has events that are not written yet', v_row.number);
  end if;
  update public.candidates set
    status = case status when 'booking' then 'booked' when 'cancelling' then 'cancelled' else status end,
    unwinding = false, attempts = 0, reason = case status when 'booking' then '' else reason end, worker = null, lease_until = null,
    replan = case status when 'booking' then null else replan end, updated_at = clock_timestamp()
  where id = v_row.id and (status in ('booking', 'cancelling') or status in ('escalated', 'set_aside') and unwinding)
  returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be settled');
  end if;
  update public.interviews set status = 'booked', updated_at = clock_timestamp()
  where candidate_id = v_row.id and status in ('reserved');
  perform public.tell_interviewers(v_row.id);
  perform public.add_notices(v_row.id, p_notices);
  perform public.audit_append(case when v_row.status = v_from then 'unwound' else v_row.status end, v_actor, v_row.id,
    jsonb_build_object('from', v_from), v_row.sop_version);
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;
