-- A calendar that cannot be used is one question, however many candidates wait for it, and answers itself when it can be used again.

-- Those who wait for something are tried at once, but whom somebody is at; how many they are.
create or replace function public.retry_waiting(p_subject text) returns integer
language plpgsql set search_path = '' as $$
declare
  v_count integer;
begin
  update public.candidates set not_before = clock_timestamp(), updated_at = clock_timestamp() where id in (
    select id from public.candidates
    where waits_for = p_subject and worker is null and (status in ('queued', 'booking', 'cancelling') or unwinding)
    order by id for update skip locked
  );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

-- {subject, reason, detail, until}: asked about, or brought up to date when that was done before. What an admin has closed is not
-- asked again within a day: they know. until: nobody is to be asked before, for nothing can be done.
create or replace function public.calendar_failed(p_found jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_subject constant text := p_found ->> 'subject';
  v_until constant timestamptz := (p_found ->> 'until')::timestamptz;
  v_row public.escalations;
begin
  update public.escalations set
    reason = p_found ->> 'reason', detail = p_found -> 'detail', put_off_until = coalesce(v_until, put_off_until)
  where subject = v_subject and status = 'open';
  if found or exists (
    select from public.escalations
    where subject = v_subject and resolved_by <> 'calendar' and resolved_at > clock_timestamp() - interval '1 day'
  ) then
    return;
  end if;
  insert into public.escalations (subject, kind, reason, detail, put_off_until)
  values (v_subject, 'access', p_found ->> 'reason', p_found -> 'detail', v_until) returning * into v_row;
  perform public.add_notices(null, public.question_notice(v_row, 'access', 'admins'));
  perform public.audit_append('calendar_failed', 'calendar', p_detail => jsonb_build_object(
    'escalation_id', v_row.id, 'subject', v_subject, 'way', v_row.detail -> 'way', 'until', v_until
  ));
end;
$$;

-- What could not be used can be used again: the question is closed, those who were asked hear of it, and who waits goes on.
create or replace function public.calendar_works(p_subject text) returns void
language plpgsql set search_path = '' as $$
declare
  v_waiting constant integer := public.retry_waiting(p_subject);
  v_row public.escalations;
begin
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = 'calendar', resolution = 'it can be used again'
  where subject = p_subject and status in ('open') returning * into v_row;
  if not found then
    return;
  end if;
  perform public.add_notices(null, public.question_notice(v_row, 'access_again', 'admins', jsonb_build_object(
    'name', v_row.detail -> 'name', 'waiting', v_waiting
  )));
  perform public.audit_append('calendar_works', 'calendar', p_detail => jsonb_build_object(
    'escalation_id', v_row.id, 'subject', p_subject, 'waiting', v_waiting
  ));
end;
$$;

-- What has changed about calendars since somebody looked: those that cannot be used ({subject, reason, detail, until}) and the
-- subjects that can be again. Gives all that are being asked about, with the way in which they could not be used (read, write).
create or replace function public.calendars_seen(p_failed jsonb default '[]', p_works jsonb default '[]') returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('calendars', 0));  -- two that see the same ask once
  perform from public.escalations  -- all of them before the audit's chain is taken
  where status = 'open' and subject in (
    select value from jsonb_array_elements_text(p_works) union all select value ->> 'subject' from jsonb_array_elements(p_failed)
  ) order by id for update;
  perform public.calendar_works(subject) from jsonb_array_elements_text(p_works) subject;
  perform public.calendar_failed(one) from jsonb_array_elements(p_failed) one;
  return (
    select coalesce(jsonb_object_agg(subject, detail ->> 'way'), '{}') from public.escalations
    where status = 'open' and subject is not null
  );
end;
$$;

-- A candidate for whom nothing can be done until a calendar can be used waits for that. p_asked: only while an admin is asked.
create or replace function public.park(
  p_candidate_id uuid, p_fence bigint, p_subject text, p_not_before timestamptz, p_reason text, p_asked boolean default false
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row constant public.candidates := public.lock_fenced(p_candidate_id, p_fence);
begin
  if p_asked and not exists (select from public.escalations where subject = p_subject and status = 'open') then
    return '{"parked": false}';
  end if;
  update public.candidates set waits_for = p_subject where id = v_row.id and worker is not null;
  return public.release(p_candidate_id, p_fence, p_not_before, false, p_reason) || '{"parked": true}';
end;
$$;

-- An admin has done something about it: those who wait for it are tried at once.
create or replace function public.check_again(p_escalation_id bigint, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_subject constant text := (select subject from public.escalations where id = p_escalation_id and status = 'open');
  v_waiting integer;
begin
  if v_subject is null then
    return '{"changed": false}';
  end if;
  v_waiting := public.retry_waiting(v_subject);
  perform public.audit_append('calendar_checked', p_actor, p_detail => jsonb_build_object(
    'escalation_id', p_escalation_id, 'subject', v_subject, 'waiting', v_waiting
  ));
  return jsonb_build_object('changed', true, 'waiting', v_waiting);
end;
$$;
