-- What an admin chooses when asked, and what follows from it.

-- An interview that stands, at another time: its row and what it holds. Whoever calls it has locked the candidate.
create or replace function public.move_interview(
  p_row public.candidates, p_interview public.interviews, p_start timestamptz, p_end timestamptz, p_seats jsonb
) returns void
language plpgsql set search_path = '' as $$
declare
  v_interviews constant jsonb := jsonb_build_array(jsonb_build_object(
    'id', p_interview.id, 'start', p_start, 'end', p_end, 'seats', p_seats
  ));
begin
  perform public.lock_people(
    array(select person from public.holds where interview_id = p_interview.id and live)
    || array(select person from public.holds_of(p_row.email, v_interviews))
  );
  update public.holds set live = false where interview_id = p_interview.id and live;
  update public.interviews set
    starts_at = p_start, ends_at = p_end, seats = p_seats, revision = revision + 1, updated_at = clock_timestamp()
  where id = p_interview.id and status in ('booked');
  perform public.add_holds(p_row.email, v_interviews);
  perform public.tell_interviewers(p_row.id);
end;
$$;

-- The interview that a choice is about, while it is still as it was when the admin was asked.
create or replace function public.chosen_interview(p_option jsonb) returns public.interviews
language plpgsql set search_path = '' as $$
declare
  v_row public.interviews;
begin
  select * into v_row from public.interviews
  where id = (p_option ->> 'interview_id')::uuid and status = 'booked'
    and generation = (p_option ->> 'generation')::integer and revision = (p_option ->> 'revision')::integer;
  if not found then
    raise sqlstate 'MS002' using message = 'the interview has changed since: look at it again';
  end if;
  return v_row;
end;
$$;

-- A person's time for an interview is kept although the rules say otherwise, now and in later plans.
create or replace function public.follow_anyway(p_row public.candidates, p_option jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_interview constant public.interviews := public.chosen_interview(p_option);
begin
  if p_row.status not in ('queued', 'booked', 'escalated', 'set_aside') then
    perform public.wrong_state(p_row, 'follow a move just now');
  end if;
  perform public.move_interview(
    p_row, v_interview, (p_option ->> 'start')::timestamptz, (p_option ->> 'end')::timestamptz, p_option -> 'seats'
  );
  update public.candidates set
    exceptions = exceptions || jsonb_build_object(
      'pinned', public.joined(exceptions -> 'pinned', jsonb_build_array(v_interview.round))
    ),
    updated_at = clock_timestamp()
  where id = p_row.id;
end;
$$;

-- The calendar's event is brought back to the time that is booked: an admin wants it so, over a person's change.
create or replace function public.restore_event(p_row public.candidates, p_option jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_interview public.interviews := public.chosen_interview(p_option);
  v_payload jsonb;
begin
  select payload into v_payload from public.calendar_writes
  where interview_id = v_interview.id and verb = 'put' order by generation desc, revision desc limit 1;
  update public.candidates set
    status = 'booking', replan = jsonb_build_object('restored', v_interview.round), attempts = 0,
    not_before = clock_timestamp(), fence = fence + 1, updated_at = clock_timestamp()
  where id = p_row.id and status in ('booked');
  if not found then
    perform public.wrong_state(p_row, 'have an event moved back just now');
  end if;
  update public.interviews set status = 'reserved', revision = revision + 1, updated_at = clock_timestamp()
  where id = v_interview.id and status in ('booked') returning * into v_interview;
  insert into public.calendar_writes (candidate_id, interview_id, verb, generation, revision, payload)
  values (p_row.id, v_interview.id, 'put', v_interview.generation, v_interview.revision,
    v_payload || jsonb_build_object('start', v_interview.starts_at, 'end', v_interview.ends_at));
end;
$$;

-- What one option of an escalation does. Options with interviews are plans that were shown: they are booked as shown, or not at all.
create or replace function public.do_option(p_row public.candidates, p_option jsonb, p_actor text) returns void
language plpgsql set search_path = '' as $$
declare
  v_kind constant text := case jsonb_typeof(p_option) when 'string' then p_option #>> '{}' else p_option ->> 'kind' end;
  v_text constant text := coalesce(p_option ->> 'text', v_kind);
begin
  if p_option ? 'interviews' then
    perform public.ask_replan(p_row.id, p_actor, v_text, coalesce(p_option -> 'replan', '{}') || jsonb_build_object(
      'changes', p_option -> 'changes', 'preview', p_option -> 'interviews'
    ));
    return;
  end if;
  case v_kind
    when 'replan', 'rebook' then
      perform public.ask_replan(p_row.id, p_actor, v_text, coalesce(p_option -> 'replan', '{}'));
    when 'follow' then
      perform public.follow_anyway(p_row, p_option);
    when 'restore' then
      perform public.restore_event(p_row, p_option);
    when 'requeue' then
      perform public.requeue(p_row.id, p_actor, null, v_text);
    when 'cancel' then
      perform public.cancel_candidate(p_row.id, p_actor, v_text);
    when 'keep', 'waive' then
      null;  -- it is already so: closing the question is all
    else
      raise sqlstate 'MS003' using message = format('there is nothing to do for an option %s', v_kind);
  end case;
end;
$$;

-- A question, with its candidate locked where it is about one: as it is while nobody else can change it.
create or replace function public.lock_question(p_escalation_id bigint) returns public.escalations
language plpgsql set search_path = '' as $$
declare
  v_row public.escalations;
begin
  select * into v_row from public.escalations where id = p_escalation_id;
  if not found then
    raise sqlstate 'MS003' using message = format('there is no escalation %s', p_escalation_id);
  end if;
  perform public.lock_candidate(v_row.candidate_id) where v_row.candidate_id is not null;
  select * into v_row from public.escalations where id = p_escalation_id;
  return v_row;
end;
$$;

-- A question that is locked is answered with an option, which closes it.
create or replace function public.answer_with(p_row public.escalations, p_option jsonb, p_actor text, p_detail jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.escalations;
begin
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = p_actor,
    resolution = coalesce(p_option ->> 'text', p_option #>> '{}')
  where id = p_row.id and status in ('open') returning * into v_row;
  if not found then
    return public.escalation_json(p_row) || '{"changed": false}';
  end if;
  perform public.do_option(public.lock_candidate(v_row.candidate_id), p_option, p_actor);
  perform public.audit_append('option_taken', p_actor, v_row.candidate_id, p_detail || jsonb_build_object(
    'escalation_id', v_row.id, 'kind', v_row.kind, 'text', v_row.resolution
  ));
  return public.escalation_json(v_row) || '{"changed": true}';
end;
$$;

-- An admin takes the option at a place (from 0) of an open escalation, which is closed by it.
create or replace function public.take_option(p_escalation_id bigint, p_option integer, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row constant public.escalations := public.lock_question(p_escalation_id);
  v_option constant jsonb := v_row.options -> p_option;
begin
  if v_row.status = 'open' and (v_option is null or p_option < 0) then
    raise sqlstate 'MS003' using message = format('escalation %s has no option %s', p_escalation_id, p_option);
  end if;
  return public.answer_with(v_row, v_option, p_actor, jsonb_build_object('option', p_option));
end;
$$;

-- An admin answers an open escalation with a way out that is none of its options: a plan that was shown, with what it takes.
create or replace function public.take_other(p_escalation_id bigint, p_option jsonb, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row constant public.escalations := public.lock_question(p_escalation_id);
begin
  return public.answer_with(v_row, p_option, p_actor, jsonb_build_object('changes', p_option -> 'changes'));
end;
$$;
