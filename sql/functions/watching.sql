-- What the watch of calendars reads, and what follows when a calendar does not say what is booked. A person's change is never
-- overwritten here: it is taken over, or remembered and asked about.

create or replace function public.watch_state(p_calendar text) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(w) from public.watches w where w.calendar = p_calendar;
$$;

-- Whether somebody is deciding, or a worker about to plan, what becomes of an event that is not where it is booked.
create or replace function public.is_asked(p_interview public.interviews, p_candidate public.candidates) returns boolean
language sql stable set search_path = '' as $$
  select p_candidate.status <> 'booked' or exists (
    select from public.escalations e
    where e.candidate_id = p_candidate.id and e.status = 'open' and e.kind in ('moved:' || p_interview.round, 'replan', 'option')
  );
$$;

-- Interviews with what a decision about them needs: those of these ids, those whose event has one of these handles, those that
-- are to be looked at by now, and with p_all all that are still to come. due: look, though no change was told.
create or replace function public.watched(
  p_ids jsonb default '[]', p_handles jsonb default '[]', p_all boolean default false, p_now timestamptz default clock_timestamp()
) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with coming as (
    select
      i.id, i.look_at <= p_now
      or (i.event_said ->> 'start')::timestamptz <> i.starts_at and not public.is_asked(i, c)
      or exists (
        select from public.interview_answers a where a.interview_id = i.id and a.answer = 'declined'
          and not coalesce((i.event_answers #>> array[a.address, 'dealt'])::boolean, false)
      ) as due
    from public.interviews i join public.candidates c on c.id = i.candidate_id
    where i.status = 'booked' and i.during && tstzrange(p_now, null)
  )
  select coalesce(jsonb_agg(public.interview_json(i) || jsonb_build_object(
    'candidate', public.candidate_json(c), 'asked', public.is_asked(i, c), 'answers', public.answers_json(array[i.id]),
    'due', coalesce((select due from coming where coming.id = i.id), false),
    'unwritten', exists (select from public.calendar_writes w where w.interview_id = i.id and w.status = 'pending')
  ) order by i.starts_at, c.number, i.position), '[]')
  from public.interviews i join public.candidates c on c.id = i.candidate_id
  where i.id in (select value::uuid from jsonb_array_elements_text(p_ids))
    or (i.event_handle <> '' and i.event_handle in (select value from jsonb_array_elements_text(p_handles)))
    or i.id in (select id from coming where p_all or due);
$$;

-- Where reading goes on next time. p_later: interviews that could not be dealt with now, because a worker is at their candidate.
create or replace function public.save_watch(
  p_calendar text, p_cursor text, p_resynced boolean default false, p_busy boolean default false, p_later jsonb default '[]',
  p_notices jsonb default '[]', p_now timestamptz default clock_timestamp()
) returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.watches (calendar, cursor, resynced_at, busy_at)
  values (p_calendar, p_cursor, case when p_resynced then p_now end, case when p_busy then p_now end)
  on conflict (calendar) do update set
    cursor = excluded.cursor, resynced_at = coalesce(excluded.resynced_at, watches.resynced_at),
    busy_at = coalesce(excluded.busy_at, watches.busy_at), updated_at = clock_timestamp();
  update public.interviews set look_at = least(look_at, p_now)
  where id in (select value::uuid from jsonb_array_elements_text(p_later));
  perform public.add_notices(null, p_notices);
  return public.watch_state(p_calendar);
end;
$$;

-- The interview, locked with its candidate, while it is still as it was when it was looked at and no worker is at the candidate.
create or replace function public.lock_watched(p_interview_id uuid, p_generation integer, p_revision integer)
returns public.interviews
language plpgsql set search_path = '' as $$
declare
  v_row public.interviews;
  v_candidate public.candidates;
begin
  select * into v_row from public.interviews where id = p_interview_id;
  if not found then
    raise sqlstate 'MS003' using message = format('there is no interview %s', p_interview_id);
  end if;
  v_candidate := public.lock_candidate(v_row.candidate_id);
  select * into v_row from public.interviews where id = p_interview_id;  -- as it is now that nobody else can change it
  if v_candidate.status not in ('queued', 'booked', 'escalated', 'set_aside') then
    perform public.wrong_state(v_candidate, 'follow its calendar just now');
  end if;
  if v_row.status <> 'booked' or v_row.generation <> p_generation or v_row.revision <> p_revision then
    raise sqlstate 'MS002' using message = format('interview %s is not as it was looked at', p_interview_id);
  end if;
  return v_row;
end;
$$;

-- p_seen: etag, said, edits, answers, look_at, as they are from now on; link, meeting: the same, where there are any; declined: who was believed to have declined in the chat.
create or replace function public.note_seen(p_interview_id uuid, p_seen jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  if exists (select from jsonb_array_elements_text(p_seen -> 'declined') who where not exists (
    select from public.interview_answers where interview_id = p_interview_id and interviewer = who and answer = 'declined'
  )) then
    raise sqlstate 'MS002' using message = format('a decline of interview %s was taken back', p_interview_id);
  end if;
  update public.interviews set
    event_etag = p_seen ->> 'etag', event_said = p_seen -> 'said', event_edits = p_seen -> 'edits',
    event_link = coalesce(nullif(p_seen ->> 'link', ''), event_link),
    event_meeting = coalesce(nullif(p_seen ->> 'meeting', ''), event_meeting),
    event_answers = p_seen -> 'answers', look_at = (p_seen ->> 'look_at')::timestamptz, updated_at = clock_timestamp()
  where id = p_interview_id and jsonb_typeof(p_seen) = 'object';
end;
$$;

-- Something to remember and nothing to do. p_action names it for the audit when a person has changed something; p_accepted are
-- interviewers who had declined and accept after all; p_close the kinds of questions that have answered themselves.
create or replace function public.event_seen(
  p_interview_id uuid, p_generation integer, p_revision integer, p_seen jsonb, p_action text default '',
  p_accepted jsonb default '[]', p_close jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row constant public.interviews := public.lock_watched(p_interview_id, p_generation, p_revision);
begin
  perform public.note_seen(v_row.id, p_seen);
  perform public.let_back(v_row.candidate_id, v_row.round, p_accepted);
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = 'calendar', resolution = 'the calendar was changed again'
  where candidate_id = v_row.candidate_id and status in ('open') and kind in (select value from jsonb_array_elements_text(p_close));
  if p_action <> '' then
    perform public.audit_append(p_action, 'calendar', v_row.candidate_id, jsonb_build_object(
      'round', v_row.round, 'accepted', p_accepted
    ), p_interview_id => v_row.id);
  end if;
  return '{"changed": true}';
end;
$$;

-- A person has moved the event within the rules: so be it.
create or replace function public.follow_move(
  p_interview_id uuid, p_generation integer, p_revision integer, p_start timestamptz, p_end timestamptz, p_seats jsonb, p_seen jsonb,
  p_notices jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row constant public.interviews := public.lock_watched(p_interview_id, p_generation, p_revision);
begin
  perform public.move_interview(public.lock_candidate(v_row.candidate_id), v_row, p_start, p_end, p_seats);
  perform public.note_seen(v_row.id, p_seen);
  perform public.close_questions(v_row.candidate_id, v_row.round);
  perform public.add_notices(v_row.candidate_id, p_notices);
  perform public.audit_append('followed', 'calendar', v_row.candidate_id, jsonb_build_object(
    'round', v_row.round, 'before', jsonb_build_object('start', v_row.starts_at, 'end', v_row.ends_at), 'start', p_start, 'end', p_end
  ), v_row.sop_version, v_row.id);
  return '{"changed": true}';
end;
$$;

-- A person has deleted the event: its time is free again, and the round is left out until an admin says otherwise.
create or replace function public.event_deleted(
  p_interview_id uuid, p_generation integer, p_revision integer, p_question jsonb, p_notices jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row constant public.interviews := public.lock_watched(p_interview_id, p_generation, p_revision);
  v_escalation bigint;
begin
  update public.interviews set
    status = 'cancelled', event_said = '{"deleted": true}', event_etag = '', look_at = null, updated_at = clock_timestamp()
  where id = v_row.id and status in ('booked');
  update public.holds set live = false where interview_id = v_row.id and live;
  update public.candidates set
    exceptions = exceptions || jsonb_build_object('waived', public.joined(exceptions -> 'waived', jsonb_build_array(v_row.round))),
    updated_at = clock_timestamp()
  where id = v_row.candidate_id;
  perform public.close_questions(v_row.candidate_id, v_row.round);
  perform public.tell_interviewers(v_row.candidate_id);
  v_escalation := public.open_escalation(v_row.candidate_id, p_question ->> 'kind', p_question ->> 'reason',
    p_question -> 'detail', p_question -> 'options', v_row.sop_version);
  perform public.add_notices(v_row.candidate_id, p_notices);
  perform public.audit_append('event_deleted', 'calendar', v_row.candidate_id, jsonb_build_object(
    'round', v_row.round, 'start', v_row.starts_at, 'end', v_row.ends_at, 'escalation_id', v_escalation
  ), v_row.sop_version, v_row.id);
  return '{"changed": true}';
end;
$$;

-- An interviewer has declined, in the calendar or in the chat: the round is planned anew without them.
create or replace function public.interviewer_declined(
  p_interview_id uuid, p_generation integer, p_revision integer, p_seen jsonb, p_people jsonb, p_reason text
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row constant public.interviews := public.lock_watched(p_interview_id, p_generation, p_revision);
  v_actor constant text := coalesce((
    select 'interviewer:' || interviewer from public.interview_answers
    where interview_id = p_interview_id and answer = 'declined' and p_people ? interviewer order by interviewer limit 1
  ), 'calendar');
begin
  perform public.note_seen(v_row.id, p_seen);
  perform public.ask_replan(v_row.candidate_id, v_actor, p_reason, jsonb_build_object('lasting', true, 'excluded', (
    select jsonb_agg(jsonb_build_object('round', v_row.round, 'interviewer', who)) from jsonb_array_elements_text(p_people) who
  )));
  return '{"changed": true}';
end;
$$;

-- Something that an admin has to decide. Asked once: not while the same question is open, nor after it was answered; with again
-- in the question, only not while it is open.
create or replace function public.ask_about(
  p_interview_id uuid, p_generation integer, p_revision integer, p_question jsonb, p_seen jsonb default null, p_notices jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row constant public.interviews := public.lock_watched(p_interview_id, p_generation, p_revision);
begin
  perform public.note_seen(v_row.id, p_seen);
  return public.ask_once(v_row.candidate_id, v_row.id, p_question, p_notices);
end;
$$;

create or replace function public.ask_once(p_candidate_id uuid, p_interview_id uuid, p_question jsonb, p_notices jsonb default '[]')
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row constant public.candidates := public.lock_candidate(p_candidate_id);
  v_escalation bigint;
begin
  if exists (
    select from public.escalations
    where candidate_id = v_row.id and kind = p_question ->> 'kind' and detail = p_question -> 'detail'
      and (status = 'open' or not coalesce((p_question -> 'again')::boolean, false))
  ) then
    return '{"changed": false}';
  end if;
  v_escalation := public.open_escalation(v_row.id, p_question ->> 'kind', p_question ->> 'reason',
    p_question -> 'detail', p_question -> 'options', v_row.sop_version);
  perform public.add_notices(v_row.id, p_notices);
  perform public.audit_append('asked', 'calendar', v_row.id, jsonb_build_object(
    'kind', p_question -> 'kind', 'escalation_id', v_escalation
  ), v_row.sop_version, p_interview_id);
  return jsonb_build_object('changed', true, 'escalation_id', v_escalation);
end;
$$;

-- A write found that a person had been at the event first. Their change stays; the watch sorts it out. p_result: what is known of
-- the event now, when the write was the first one to it.
create or replace function public.write_overruled(p_write_id bigint, p_fence bigint, p_reason text, p_result jsonb default '{}')
returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_write public.calendar_writes := public.lock_write(p_write_id, p_fence, 'void');
begin
  if v_write.status = 'void' then
    return public.write_json(v_write);
  end if;
  update public.calendar_writes set
    status = 'void', attempts = attempts + 1, retry_at = null, reason = 'overruled', message = p_reason, ended_at = clock_timestamp()
  where id = p_write_id and status in ('pending') returning * into v_write;
  update public.interviews set
    event_handle = coalesce(p_result ->> 'handle', event_handle), event_etag = coalesce(p_result ->> 'etag', event_etag),
    event_link = coalesce(p_result ->> 'link', event_link), event_meeting = coalesce(p_result ->> 'meeting', event_meeting),
    event_said = coalesce(p_result -> 'said', event_said), look_at = 'epoch', updated_at = clock_timestamp()
  where id = v_write.interview_id;
  perform public.audit_append('overruled', public.worker_of(public.lock_candidate(v_write.candidate_id)), v_write.candidate_id,
    jsonb_build_object('write_id', v_write.id, 'generation', v_write.generation, 'revision', v_write.revision, 'reason', p_reason),
    p_interview_id => v_write.interview_id);
  return public.write_json(v_write);
end;
$$;

-- Whether an event that nobody wanted any more was removed before: when it comes back, a person wants it.
create or replace function public.was_recorded(p_key text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('recorded', exists (select from public.scheduling_audit where key = p_key));
$$;
