-- Plans made anew: asking for one, booking it over the one before, or letting the booking stand.

-- Two lists as one, each item once.
create or replace function public.joined(p_one jsonb, p_other jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_agg(item order by place), '[]') from (
    select item, min(place) as place
    from jsonb_array_elements(coalesce(nullif(p_one, 'null'), '[]') || coalesce(nullif(p_other, 'null'), '[]'))
      with ordinality both_lists (item, place)
    group by item
  ) once;
$$;

-- A list without the items of another.
create or replace function public.without(p_list jsonb, p_items jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_agg(item order by place), '[]')
  from jsonb_array_elements(coalesce(nullif(p_list, 'null'), '[]')) with ordinality list (item, place)
  where not coalesce(nullif(p_items, 'null'), '[]') @> jsonb_build_array(item);
$$;

-- Two wishes for a new plan as one: what either rules out is ruled out, what either lets move may move.
create or replace function public.joined_replan(p_before jsonb, p_new jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'excluded', public.joined(p_before -> 'excluded', p_new -> 'excluded'),
    'rounds', case
      when p_before is null then p_new -> 'rounds'
      when jsonb_typeof(p_before -> 'rounds') = 'array' and jsonb_typeof(p_new -> 'rounds') = 'array'
      then public.joined(p_before -> 'rounds', p_new -> 'rounds')
    end,
    'thaw', coalesce((p_before ->> 'thaw')::boolean, false) or coalesce((p_new ->> 'thaw')::boolean, false),
    'preview', coalesce(nullif(p_new -> 'preview', 'null'), p_before -> 'preview'),
    'back', p_new -> 'back',
    'reason', coalesce(nullif(p_new ->> 'reason', ''), p_before ->> 'reason')
  ));
$$;

-- The exceptions of a candidate after a wish: what is granted or ruled out for good is added, what is wanted again is let go.
create or replace function public.excepted(p_exceptions jsonb, p_detail jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select p_exceptions || jsonb_build_object(
    'changes', coalesce(p_exceptions -> 'changes', '{}') || coalesce((
      select jsonb_object_agg(path, value) from jsonb_each(p_detail -> 'changes') change (path, value) where path like 'sop.%'
    ), '{}'),
    'excluded', public.joined(p_exceptions -> 'excluded', case when (p_detail ->> 'lasting')::boolean then p_detail -> 'excluded' end),
    'waived', public.without(p_exceptions -> 'waived', p_detail -> 'rebook'),
    'pinned', public.without(p_exceptions -> 'pinned', public.joined(
      p_detail -> 'rounds', jsonb_path_query_array(p_detail, '$.excluded[*].round')
    ))
  );
$$;

-- The values in one object that another one has not, or has otherwise.
create or replace function public.otherwise(p_one jsonb, p_other jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(p_one) where value is distinct from p_other -> key;
$$;

-- The request after a wish: `request.` paths of the changes name its fields.
create or replace function public.requested(p_request jsonb, p_detail jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(nullif(p_detail -> 'request', 'null'), p_request) || coalesce((
    select jsonb_object_agg(substr(path, length('request.') + 1), value)
    from jsonb_each(p_detail -> 'changes') change (path, value) where path like 'request.%'
  ), '{}');
$$;

-- Back into the queue, with the interviews still standing: they are moved only when a worker has a plan that is better kept.
-- p_detail: excluded, lasting, rounds, thaw, preview, back (the preview is what was booked before), changes, request, rebook (rounds
-- that were left out and are wanted again), exceptions (these in place of those that hold).
create or replace function public.ask_replan(
  p_candidate_id uuid, p_actor text, p_reason text default '', p_detail jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_candidate(p_candidate_id);
  v_before constant public.candidates := v_row;
  v_replan constant jsonb := public.joined_replan(
    case v_row.status when 'queued' then v_row.replan end, p_detail || jsonb_build_object('reason', p_reason)
  );
  v_exceptions constant jsonb := public.excepted(coalesce(p_detail -> 'exceptions', v_row.exceptions), p_detail);
  v_request constant jsonb := public.requested(v_row.request, p_detail);
begin
  if v_row.status = 'queued' and (v_row.replan, v_row.exceptions, v_row.request) is not distinct from (v_replan, v_exceptions, v_request) then
    return public.candidate_json(v_row) || '{"changed": false}';
  end if;
  update public.candidates set
    status = 'queued', replan = v_replan, exceptions = v_exceptions, request = v_request, reason = p_reason, attempts = 0,
    not_before = clock_timestamp(), fence = fence + 1, worker = null, lease_until = null, updated_at = clock_timestamp()
  where id = v_row.id and status in ('queued', 'booked', 'escalated') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be planned anew');
  end if;
  perform public.audit_append('replan_asked', p_actor, v_row.id, p_detail - 'request' || jsonb_build_object(
    'from', v_before.status, 'reason', p_reason, 'request_changed', p_detail ? 'request', 'before', jsonb_build_object(
      'replan', v_before.replan, 'exceptions', v_before.exceptions, 'reason', v_before.reason,
      'request', public.otherwise(v_before.request, v_row.request) - '{name,email}'::text[]
    )
  ));
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;

-- Questions about one round (their kind ends with it) that have answered themselves, because the round has changed since.
create or replace function public.close_questions(p_candidate_id uuid, p_round text) returns void
language sql set search_path = '' as $$
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = 'database', resolution = 'the interview has changed since'
  where candidate_id = p_candidate_id and status in ('open') and right(kind, length(p_round) + 1) = ':' || p_round;
$$;

-- Questions about plans that were not possible have answered themselves once there is one.
create or replace function public.close_plan_questions(p_candidate_id uuid) returns void
language sql set search_path = '' as $$
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = 'database', resolution = 'there is a plan now'
  where candidate_id = p_candidate_id and status in ('open') and kind in ('replan', 'option', 'request');
$$;

-- The rows that a new plan changes: of each round the interview that stands, else the newest that was given up. Its id stays, so
-- that the calendar's event is changed in place; one that was given up comes back in its next generation, as another event.
create or replace function public.retake_times(p_row public.candidates, p_sop_version text, p_interviews jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_interviews constant jsonb := (
    select jsonb_agg(i.value || jsonb_build_object('id', coalesce(before.id::text, i.value ->> 'id'), 'known', before.id is not null))
    from jsonb_array_elements(p_interviews) i left join lateral (
      select b.id from public.interviews b where b.candidate_id = p_row.id and b.round = i.value ->> 'round'
      order by b.status = 'cancelled', b.updated_at desc limit 1
    ) before on true
  );
  v_ids constant uuid[] := array(select (i ->> 'id')::uuid from jsonb_array_elements(v_interviews) i);
begin
  perform public.lock_people(
    array(select person from public.holds where interview_id = any (v_ids) and live) || array(select person from public.holds_of(p_row.email, v_interviews))
  );
  update public.holds set live = false where interview_id = any (v_ids) and live;
  update public.interviews i set
    starts_at = n.start, ends_at = n."end", seats = n.seats, interviewers = public.seated(n.seats), why = coalesce(n.why, '{}'),
    position = n.position, title = n.title, sop_version = p_sop_version, status = 'reserved', look_at = null,
    generation = i.generation + (i.status = 'cancelled')::integer,
    revision = case i.status when 'cancelled' then 0 else i.revision + 1 end,
    event_handle = case i.status when 'cancelled' then '' else i.event_handle end,
    event_etag = case i.status when 'cancelled' then '' else i.event_etag end,
    event_link = case i.status when 'cancelled' then '' else i.event_link end,
    event_meeting = case i.status when 'cancelled' then '' else i.event_meeting end,
    event_said = case i.status when 'cancelled' then '{}' else i.event_said end,
    event_edits = case i.status when 'cancelled' then '{}' else i.event_edits end,
    event_answers = case i.status when 'cancelled' then '{}' else i.event_answers end,
    updated_at = clock_timestamp()
  from jsonb_to_recordset(v_interviews) as n (
    id uuid, position integer, title text, start timestamptz, "end" timestamptz, seats jsonb, why jsonb
  )
  where i.id = n.id and i.status in ('booked', 'cancelled');
  perform public.add_interviews(p_row, p_sop_version, jsonb_path_query_array(v_interviews, '$[*] ? (@.known == false)'));
  perform public.add_holds(p_row.email, v_interviews);
  insert into public.calendar_writes (candidate_id, interview_id, verb, generation, revision, payload)
  select p_row.id, i.id, 'put', i.generation, i.revision, coalesce(n.event, '{}')
  from jsonb_to_recordset(v_interviews) as n (id uuid, event jsonb) join public.interviews i on i.id = n.id
  order by i.position;
  perform public.close_questions(p_row.id, i ->> 'round') from jsonb_array_elements(v_interviews) i;
end;
$$;

-- A new plan over the one before: all of its changes or none. The times of the old one are held until this very moment. How it
-- was before is kept in replan until the new one is settled, for unreserve.
create or replace function public.rebook(
  p_candidate_id uuid, p_fence bigint, p_sop_version text, p_interviews jsonb, p_detail jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_rounds constant text[] := array(select i ->> 'round' from jsonb_array_elements(p_interviews) i);
begin
  if v_row.status = 'booking' and v_rounds <@ array(
    select round from public.interviews where candidate_id = v_row.id and status = 'reserved'
  ) then
    return jsonb_build_object('interviews', public.interviews_json(v_row.id), 'writes', public.writes_json(v_row.id));
  end if;
  if cardinality(v_rounds) = 0 then
    raise sqlstate 'MS002' using message = format('there is nothing to rebook for candidate %s', v_row.number);
  end if;
  update public.candidates set
    status = 'booking', sop_version = p_sop_version, reason = '', updated_at = clock_timestamp(),
    replan = coalesce(p_detail, '{}') || jsonb_build_object('undo', jsonb_build_object('wish', v_row.replan, 'before', (
      select coalesce(jsonb_agg(public.interview_json(i)), '[]') from public.interviews i
      where i.candidate_id = v_row.id and i.status = 'booked' and i.round = any (v_rounds)
    )))
  where id = v_row.id and status in ('planning') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be rebooked');
  end if;
  perform public.retake_times(v_row, p_sop_version, p_interviews);
  perform public.close_plan_questions(v_row.id);
  perform public.audit_append('rebooked', public.worker_of(v_row), v_row.id, coalesce(p_detail, '{}'), p_sop_version);
  return jsonb_build_object('interviews', public.interviews_json(v_row.id), 'writes', public.writes_json(v_row.id));
end;
$$;

-- Interviews that a new plan has changed in place, at the times that they had before; 23P01 when somebody has taken those since.
-- Whether their events were changed cannot be known, so each is brought back by a write of its own.
create or replace function public.put_back(p_row public.candidates, p_before jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_ids constant uuid[] := array(select (i ->> 'id')::uuid from jsonb_array_elements(p_before) i);
begin
  perform public.lock_people(
    array(select person from public.holds where interview_id = any (v_ids) and live) || array(select person from public.holds_of(p_row.email, p_before))
  );
  update public.holds set live = false where interview_id = any (v_ids) and live;
  update public.calendar_writes set status = 'void', ended_at = clock_timestamp()
  where interview_id = any (v_ids) and status in ('pending');
  update public.interviews i set
    starts_at = b.start, ends_at = b."end", seats = b.seats, interviewers = public.seated(b.seats), why = b.why,
    position = b.position, title = b.title, sop_version = b.sop_version, status = 'booked', revision = i.revision + 1,
    updated_at = clock_timestamp()
  from jsonb_to_recordset(p_before) as b (
    id uuid, position integer, title text, start timestamptz, "end" timestamptz, seats jsonb, why jsonb, sop_version text
  )
  where i.id = b.id and i.status in ('reserved');
  perform public.add_holds(p_row.email, p_before);
  insert into public.calendar_writes (candidate_id, interview_id, verb, generation, revision, payload)
  select p_row.id, i.id, 'put', i.generation, i.revision, older.payload || jsonb_build_object('start', i.starts_at, 'end', i.ends_at)
  from public.interviews i cross join lateral (
    select w.payload from public.calendar_writes w
    where w.interview_id = i.id and w.verb = 'put' and w.generation = i.generation and w.revision < i.revision - 1
    order by w.revision desc limit 1
  ) older
  where i.id = any (v_ids) order by i.position;
end;
$$;

-- Calendars have taken times of a plan before its events were written: it is as if it had never been made, and nobody is told of
-- it. What it had changed is put back, what was new is given up, and the worker plans anew for the same wish. What an admin has
-- brought back to its time (restored) stays.
create or replace function public.unreserve(p_candidate_id uuid, p_fence bigint, p_reason text, p_detail jsonb default '{}')
returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_undo constant jsonb := v_row.replan -> 'undo';
begin
  if v_row.status <> 'planning' then  -- done before
    update public.candidates set
      status = 'planning', reason = p_reason, replan = nullif(v_undo -> 'wish', 'null'), updated_at = clock_timestamp()
    where id = v_row.id and status in ('booking') and not coalesce(replan ? 'restored', false) returning * into v_row;
    if not found then
      perform public.wrong_state(public.lock_candidate(p_candidate_id), 'have its times given back');
    end if;
    perform public.put_back(v_row, coalesce(v_undo -> 'before', '[]'));
    perform public.undo_booking(v_row.id, array['reserved']);
    perform public.audit_append('unreserved', public.worker_of(v_row), v_row.id, p_detail || jsonb_build_object('reason', p_reason),
      v_row.sop_version);
  end if;
  return jsonb_build_object(
    'candidate', public.candidate_json(v_row),
    'interviews', public.interviews_json(v_row.id),
    'writes', public.writes_json(v_row.id)
  );
end;
$$;

-- No better plan was found, or none was needed: what was booked stays as it is. With a question, an admin is asked.
create or replace function public.stand(
  p_candidate_id uuid, p_fence bigint, p_question jsonb default null, p_sop_version text default null, p_notices jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_actor constant text := public.worker_of(v_row);
  v_escalation bigint;
begin
  if v_row.status in ('booked', 'done') then
    return public.candidate_json(v_row) || '{"changed": false}';
  end if;
  update public.candidates set
    status = 'booked', replan = null, unwinding = false, attempts = 0, worker = null, lease_until = null,
    reason = coalesce(p_question ->> 'reason', ''), updated_at = clock_timestamp()
  where id = v_row.id and status in ('planning') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'stand as booked');
  end if;
  if jsonb_typeof(p_question) is distinct from 'object' then
    perform public.close_plan_questions(v_row.id);
  else
    v_escalation := public.open_escalation(v_row.id, p_question ->> 'kind', p_question ->> 'reason',
      p_question -> 'detail', p_question -> 'options', p_sop_version);
  end if;
  perform public.add_notices(v_row.id, p_notices);
  perform public.audit_append('stood', v_actor, v_row.id, jsonb_build_object('escalation_id', v_escalation), p_sop_version);
  return public.candidate_json(v_row) || '{"changed": true}';
end;
$$;
