-- What people have to decide and what they have to be told.

create or replace function public.open_escalation(
  p_candidate_id uuid, p_kind text, p_reason text, p_detail jsonb, p_options jsonb, p_sop_version text
) returns bigint
language sql set search_path = '' as $$
  insert into public.escalations as e (candidate_id, kind, reason, detail, options, sop_version)
  values (p_candidate_id, p_kind, p_reason, coalesce(p_detail, '{}'), coalesce(p_options, '[]'), p_sop_version)
  on conflict (candidate_id, kind) where status = 'open' do update set
    reason = excluded.reason, detail = excluded.detail, options = excluded.options, sop_version = excluded.sop_version,
    held_since = clock_timestamp(), put_off_until = null, all_told_at = null
  returning e.id;
$$;

create or replace function public.close_escalations(p_candidate_id uuid, p_actor text, p_resolution text) returns void
language sql set search_path = '' as $$
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = p_actor, resolution = p_resolution
  where candidate_id = p_candidate_id and status in ('open');
$$;

create or replace function public.escalation_json(p_row public.escalations) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(p_row) || jsonb_build_object('name', p_row.detail -> 'name') || coalesce((
    select jsonb_build_object(
      'number', c.number, 'name', c.name, 'email', c.email, 'course', c.course, 'candidate_status', c.status
    ) from public.candidates c where c.id = p_row.candidate_id
  ), '{}');
$$;

-- No plan, or something outside the rules: what was reserved is given back and an admin decides.
create or replace function public.escalate(
  p_candidate_id uuid, p_fence bigint, p_kind text, p_reason text, p_detail jsonb default '{}', p_options jsonb default '[]',
  p_sop_version text default null, p_notices jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.candidates := public.lock_fenced(p_candidate_id, p_fence);
  v_from constant text := v_row.status;
  v_actor constant text := public.worker_of(v_row);
  v_id bigint;
  v_escalation public.escalations;
begin
  select * into v_escalation from public.escalations
  where candidate_id = v_row.id and kind = p_kind and status = 'open';
  if found and v_row.status = 'escalated' then
    return public.escalation_json(v_escalation) || '{"changed": false}';
  end if;
  perform public.undo_booking(v_row.id, array['reserved']);
  update public.candidates set
    status = 'escalated', reason = p_reason, sop_version = coalesce(p_sop_version, sop_version), attempts = 0,
    worker = null, lease_until = null, not_before = clock_timestamp(), updated_at = clock_timestamp(),
    unwinding = exists (select from public.calendar_writes where candidate_id = v_row.id and status = 'pending')
  where id = v_row.id and status in ('planning', 'booking') returning * into v_row;
  if not found then
    perform public.wrong_state(public.lock_candidate(p_candidate_id), 'be escalated');
  end if;
  v_id := public.open_escalation(v_row.id, p_kind, p_reason, p_detail, p_options, p_sop_version);
  select * into v_escalation from public.escalations where id = v_id;
  perform public.add_notices(v_row.id, p_notices);
  perform public.audit_append('escalated', v_actor, v_row.id, jsonb_build_object(
    'from', v_from, 'kind', p_kind, 'escalation_id', v_escalation.id
  ), p_sop_version);
  return public.escalation_json(v_escalation) || '{"changed": true}';
end;
$$;

create or replace function public.resolve_escalation(p_escalation_id bigint, p_actor text, p_resolution text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_before constant public.escalations := public.lock_question(p_escalation_id);
  v_row public.escalations;
begin
  update public.escalations set
    status = 'resolved', resolved_at = clock_timestamp(), resolved_by = p_actor, resolution = p_resolution
  where id = p_escalation_id and status in ('open') returning * into v_row;
  if not found then
    return public.escalation_json(v_before) || '{"changed": false}';
  end if;
  perform public.audit_append('escalation_resolved', p_actor, v_row.candidate_id, jsonb_build_object(
    'escalation_id', v_row.id, 'kind', v_row.kind, 'resolution', p_resolution
  ));
  perform public.retry_waiting(v_row.subject);  -- nobody is asked any more: whoever can be planned without it is
  return public.escalation_json(v_row) || '{"changed": true}';
end;
$$;

create or replace function public.add_notices(p_candidate_id uuid, p_notices jsonb) returns void
language sql set search_path = '' as $$
  insert into public.notices (key, candidate_id, channel, recipient, kind, payload, not_before)
  select n.key, p_candidate_id, n.channel, n.recipient, n.kind, coalesce(n.payload, '{}'), coalesce(n.not_before, clock_timestamp())
  from jsonb_to_recordset(coalesce(p_notices, '[]')) as n (
    key text, channel text, recipient text, kind text, payload jsonb, not_before timestamptz
  )
  on conflict (key) do nothing;
$$;

drop function if exists public.claim_notices(text, integer, integer);

-- Notices to be sent now. One that is no longer so, by p_now or by how its interview stands, is not sent at all.
create or replace function public.claim_notices(
  p_channel text, p_limit integer default 10, p_lease_seconds integer default 60, p_now timestamptz default clock_timestamp()
) returns jsonb
language sql set search_path = '' set timezone = 'UTC' as $$
  with due as (
    select n.id, coalesce(public.is_stale(n, p_now), false) as stale from public.notices n
    where channel = p_channel and status = 'pending' and not_before <= clock_timestamp()
      and (lease_until is null or lease_until <= clock_timestamp())
    order by id limit p_limit for update skip locked
  ), taken as (
    update public.notices n set
      status = case when due.stale then 'void' else n.status end, attempts = n.attempts + (not due.stale)::integer,
      lease_until = case when not due.stale then clock_timestamp() + make_interval(secs => p_lease_seconds) end
    from due where n.id = due.id returning n.*
  )
  select coalesce(jsonb_agg(to_jsonb(taken) order by taken.id) filter (where status = 'pending'), '[]') from taken;
$$;

create or replace function public.notice_sent(p_notice_id bigint, p_receipt text default '') returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_status text;
begin
  update public.notices set
    status = 'sent', receipt = p_receipt, sent_at = clock_timestamp(), lease_until = null
  where id = p_notice_id and status in ('pending', 'failed');  -- failed: an answer that came late is still an answer
  select status into v_status from public.notices where id = p_notice_id;
  if v_status is null then
    raise sqlstate 'MS003' using message = format('there is no notice %s', p_notice_id);
  end if;
  return jsonb_build_object('status', v_status);
end;
$$;

create or replace function public.notice_failed(p_notice_id bigint, p_reason text, p_retry_at timestamptz default null)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.notices;
begin
  update public.notices set
    status = case when p_retry_at is null then 'failed' else 'pending' end, reason = p_reason,
    not_before = coalesce(p_retry_at, not_before), lease_until = null
  where id = p_notice_id and status in ('pending') returning * into v_row;
  if found and v_row.status = 'failed' then
    perform public.audit_append('notice_failed', 'database', v_row.candidate_id, jsonb_build_object(
      'notice_id', v_row.id, 'channel', v_row.channel, 'kind', v_row.kind
    ));
  end if;
  select * into v_row from public.notices where id = p_notice_id;
  if not found then
    raise sqlstate 'MS003' using message = format('there is no notice %s', p_notice_id);
  end if;
  return jsonb_build_object('status', v_row.status);
end;
$$;

-- What people have to know that concerns no one candidate, such as a calendar that cannot be read; once for each key.
create or replace function public.tell(p_notices jsonb) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform public.add_notices(null, p_notices);
  return '{"told": true}';
end;
$$;
