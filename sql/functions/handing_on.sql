-- A question that nobody answers goes from admin to admin, is put off, or is given to somebody by name. When something is due is
-- decided outside; who may decide is known to the chat alone, so that the next admin is named when they are told.

-- Open questions of which not all admins were told yet that they are still open. Where a worker is about to plan, it answers first.
create or replace function public.unanswered() returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', e.id, 'since', e.held_since, 'handed', e.handed, 'put_off_until', e.put_off_until
  ) order by e.id), '[]')
  from public.escalations e left join public.candidates c on c.id = e.candidate_id
  where e.status = 'open' and e.all_told_at is null
    and not (e.kind in ('no_plan', 'replan', 'option', 'request') and c.status in ('queued', 'planning', 'booking'));
$$;

-- What a notice about a question needs to find it again; its text is made of the question as it is when it is sent.
create or replace function public.question_notice(
  p_row public.escalations, p_kind text, p_recipient text, p_detail jsonb default '{}', p_not_before timestamptz default null
) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_array(jsonb_build_object(
    'key', format('%s:%s:%s', p_kind, p_row.id, p_row.handed) || coalesce(':' || p_recipient || ':' || p_not_before, ''),
    'channel', 'telegram', 'recipient', p_recipient, 'kind', p_kind, 'not_before', p_not_before,
    'payload', p_detail || jsonb_build_object('escalation_id', p_row.id, 'handed', p_row.handed)
  ));
$$;

-- To the next admin, unless anything has happened to it since it was looked at. p_since: since when whoever had it did then.
create or replace function public.hand_on(p_escalation_id bigint, p_since timestamptz, p_now timestamptz) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.escalations;
begin
  perform public.lock_question(p_escalation_id);
  update public.escalations set handed = handed + 1, held_since = p_now, put_off_until = null
  where id = p_escalation_id and status in ('open') and held_since = p_since returning * into v_row;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.add_notices(v_row.candidate_id, public.question_notice(v_row, 'handed_on', 'next admin'));
  perform public.audit_append('handed_on', 'database', v_row.candidate_id, jsonb_build_object(
    'escalation_id', v_row.id, 'handed', v_row.handed
  ));
  return '{"changed": true}';
end;
$$;

-- Everybody hears once that it is still open.
create or replace function public.tell_all(p_escalation_id bigint, p_since timestamptz, p_now timestamptz) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.escalations;
begin
  perform public.lock_question(p_escalation_id);
  update public.escalations set all_told_at = p_now
  where id = p_escalation_id and status in ('open') and held_since = p_since and all_told_at is null returning * into v_row;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.add_notices(v_row.candidate_id, public.question_notice(v_row, 'still_open', 'admins'));
  perform public.audit_append('all_told', 'database', v_row.candidate_id, jsonb_build_object('escalation_id', v_row.id));
  return '{"changed": true}';
end;
$$;

-- Who has a question after its handing of a number: of the admins, in their order, the one after whom it was with. Said once for
-- each handing, and nobody (null) once it was answered, put off or handed on again.
create or replace function public.next_holder(p_escalation_id bigint, p_handed integer, p_admins jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.escalations;
  v_admins constant bigint[] := array(select value::bigint from jsonb_array_elements_text(p_admins));
  v_place integer;
begin
  select * into v_row from public.escalations
  where id = p_escalation_id and status = 'open' and handed = p_handed and put_off_until is null for update;
  if found and v_row.placed < p_handed then
    v_place := array_position(v_admins, coalesce(
      v_row.held_by, (select chat_id from public.candidates where id = v_row.candidate_id)
    ));
    update public.escalations set held_by = v_admins[coalesce(v_place, 0) % nullif(cardinality(v_admins), 0) + 1], placed = p_handed
    where id = v_row.id and cardinality(v_admins) > 0 returning * into v_row;
  end if;
  return jsonb_build_object('chat_id', v_row.held_by);
end;
$$;

-- An admin wants to be asked again later; until then nobody is.
create or replace function public.put_off(p_escalation_id bigint, p_until timestamptz, p_chat_id bigint, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.escalations;
begin
  perform public.lock_question(p_escalation_id);
  update public.escalations set
    put_off_until = p_until, held_by = p_chat_id, placed = handed, held_since = clock_timestamp(), all_told_at = null
  where id = p_escalation_id and status in ('open') returning * into v_row;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.add_notices(v_row.candidate_id, public.question_notice(v_row, 'put_off', p_chat_id::text, '{}', p_until));
  perform public.audit_append('put_off', p_actor, v_row.candidate_id, jsonb_build_object(
    'escalation_id', v_row.id, 'until', p_until
  ));
  return '{"changed": true}';
end;
$$;

-- An admin gives a question to another one.
create or replace function public.hand_to(p_escalation_id bigint, p_chat_id bigint, p_from bigint, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.escalations;
begin
  perform public.lock_question(p_escalation_id);
  update public.escalations set
    held_by = p_chat_id, handed = handed + 1, placed = handed + 1, held_since = clock_timestamp(), put_off_until = null,
    all_told_at = null
  where id = p_escalation_id and status in ('open') returning * into v_row;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.add_notices(v_row.candidate_id, public.question_notice(
    v_row, 'handed_to', p_chat_id::text, jsonb_build_object('from', p_from)
  ));
  perform public.audit_append('handed_to', p_actor, v_row.candidate_id, jsonb_build_object(
    'escalation_id', v_row.id, 'to', p_chat_id
  ));
  return '{"changed": true}';
end;
$$;
