-- What falls due by itself, with time. Done again and again, by several programs at once.

-- Interviews that are over, of candidates whom no worker is at. One that somebody is being asked about is not: a person may have
-- moved it to a later time.
create or replace function public.ended_interviews(p_now timestamptz) returns setof public.interviews
language sql stable set search_path = '' as $$
  select i.* from public.interviews i join public.candidates c on c.id = i.candidate_id
  where i.status = 'booked' and i.ends_at <= p_now
    and c.status in ('queued', 'booked', 'escalated', 'set_aside') and c.worker is null
    and not exists (
      select from public.escalations e
      where e.candidate_id = c.id and e.status = 'open' and right(e.kind, length(i.round) + 1) = ':' || i.round
    );
$$;

-- Candidates who have had all their interviews, and about whom there is nothing to decide.
create or replace function public.finished_candidates() returns setof public.candidates
language sql stable set search_path = '' as $$
  select c.* from public.candidates c
  where c.status = 'booked' and c.worker is null and not c.unwinding
    and not exists (select from public.interviews i where i.candidate_id = c.id and i.status in ('reserved', 'booked'))
    and exists (select from public.interviews i where i.candidate_id = c.id and i.status = 'done')
    and not exists (select from public.escalations e where e.candidate_id = c.id and e.status = 'open');
$$;

-- Interviews and candidates that are over become done, those of p_limit candidates at a time: the audit's chain is held meanwhile.
-- Whom somebody else has locked is passed over until the next time.
create or replace function public.finish_interviews(p_now timestamptz default clock_timestamp(), p_limit integer default 200)
returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_ids uuid[];
  v_interview public.interviews;
  v_row public.candidates;
  v_interviews integer := 0;
  v_candidates integer := 0;
begin
  v_ids := array(
    select id from public.candidates
    where status in ('queued', 'booked', 'escalated', 'set_aside') and worker is null and id in (
      select candidate_id from public.ended_interviews(p_now) union all select id from public.finished_candidates()
    )
    limit p_limit for update skip locked
  );
  for v_interview in
    update public.interviews set status = 'done', updated_at = clock_timestamp()
    where id in (select id from public.ended_interviews(p_now) where candidate_id = any (v_ids)) returning *
  loop
    v_interviews := v_interviews + 1;
    perform public.audit_append('interview_done', 'database', v_interview.candidate_id, jsonb_build_object(
      'round', v_interview.round, 'start', v_interview.starts_at, 'end', v_interview.ends_at
    ), v_interview.sop_version, v_interview.id);
  end loop;
  for v_row in
    update public.candidates set status = 'done', updated_at = clock_timestamp()
    where id in (select id from public.finished_candidates() where id = any (v_ids)) returning *
  loop
    v_candidates := v_candidates + 1;
    perform public.audit_append('done', 'database', v_row.id, '{"from": "booked"}', v_row.sop_version);
  end loop;
  return jsonb_build_object('interviews', v_interviews, 'candidates', v_candidates);
end;
$$;

create or replace function public.duty_done_at(p_duty text) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object('at', done_at) from public.duties where duty = p_duty;
$$;

-- A duty was done, and this is what people have to know of it.
create or replace function public.duty_done(p_duty text, p_now timestamptz, p_notices jsonb default '[]') returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.duties (duty, done_at) values (p_duty, p_now)
  on conflict (duty) do update set done_at = greatest(duties.done_at, excluded.done_at);
  perform public.add_notices(null, p_notices);
  return '{"done": true}';
end;
$$;

-- What admins ought to know of the machinery: since when a queue stands still, which calendars cannot be used, or could not be
-- read for a moment since a time, how many messages could not be sent since then, and whether the newest p_rows of the audit are whole.
create or replace function public.health(p_since timestamptz, p_rows bigint) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object(
    'paused_at', (select min(paused_at) from public.lanes),
    'unread', (
      select coalesce(jsonb_agg(distinct about), '[]') from (
        select payload ->> 'about' as about from public.notices where kind = 'calendar' and created_at >= p_since
        union select detail ->> 'name' from public.escalations where status = 'open' and subject is not null
      ) found
    ),
    'unsent', (select count(*) from public.notices where status = 'failed' and created_at >= p_since),
    'audit', public.verify_audit(p_rows)
  );
$$;

-- Once a day, what nobody needs any more is removed: much of it has names of people in it. The audit stays as it is, and gets a
-- row when something was removed.
create or replace function public.prune(p_now timestamptz default clock_timestamp()) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_removed jsonb;
begin
  insert into public.duties (duty, done_at) values ('prune', p_now)
  on conflict (duty) do update set done_at = excluded.done_at where duties.done_at <= excluded.done_at - interval '1 day';
  if not found then
    return '{}';
  end if;
  with updates as (  -- Telegram may bring an update again for a day; the terminal goes on counting from the highest
    delete from public.telegram_updates
    where received_at < p_now - interval '7 days' and update_id < (select max(update_id) from public.telegram_updates) returning 1
  ), told as (  -- nothing makes a notice under the same key so much later
    delete from public.notices where status <> 'pending' and created_at < p_now - interval '90 days' returning 1
  ), conversations as (  -- that nobody went on with
    delete from public.bot_state where updated_at < p_now - interval '90 days' returning 1
  ), buttons as (
    delete from public.button_tokens where expires_at < p_now - interval '1 day' returning 1
  ), invitations as (
    delete from public.bot_invitations where expires_at < p_now - interval '7 days' returning 1
  ), calls as (
    delete from public.calendar_statistics where day < (p_now at time zone 'UTC')::date - 366 returning 1
  )
  select jsonb_strip_nulls(jsonb_build_object(
    'telegram_updates', nullif((select count(*) from updates), 0), 'notices', nullif((select count(*) from told), 0),
    'bot_state', nullif((select count(*) from conversations), 0), 'button_tokens', nullif((select count(*) from buttons), 0),
    'bot_invitations', nullif((select count(*) from invitations), 0), 'calendar_statistics', nullif((select count(*) from calls), 0)
  )) into v_removed;
  if v_removed <> '{}' then
    perform public.audit_append('pruned', 'database', p_detail => v_removed);
  end if;
  return v_removed;
end;
$$;
