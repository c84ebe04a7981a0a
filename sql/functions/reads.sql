-- What is asked and changes nothing. Lists are JSON arrays, never null.

create or replace function public.schema_state() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(name, checksum), '{}') from public.schema_migrations;
$$;

create or replace function public.queue_now(p_limit integer default 200) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(q) order by q.lane, (q.status = 'queued'), q.number), '[]')
  from (select * from public.queue_now limit p_limit) q;
$$;

create or replace function public.queue_counts() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_object_agg(status, coalesce(counted.candidates, 0))
  from unnest(array[
    'queued', 'planning', 'booking', 'booked', 'done', 'escalated', 'set_aside', 'cancelling', 'cancelled'
  ]) known (status)
  left join (select status, count(*) as candidates from public.candidates group by status) counted using (status);
$$;

-- Exactly one by number, id or email; else everybody whose name or email has the text in it.
create or replace function public.find_candidates(p_needle text) returns setof public.candidates
language plpgsql stable set search_path = '' as $$
declare
  v_needle constant text := lower(btrim(p_needle));
begin
  return query select c.* from public.candidates c
    where c.email = v_needle or c.id::text = v_needle or c.number::text = ltrim(v_needle, '#')
    order by c.number;
  if not found and v_needle <> '' then
    return query select c.* from public.candidates c
      where strpos(lower(c.name), v_needle) > 0 or strpos(c.email, v_needle) > 0
      order by c.number;
  end if;
end;
$$;

-- Everything about a candidate.
create or replace function public.match_json(p_row public.candidates) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select public.candidate_json(p_row) || jsonb_build_object(
    'position', public.queue_position(p_row),
    'interviews', (
      select coalesce(jsonb_agg(public.interview_json(i) order by i.status = 'cancelled', i.position, i.created_at), '[]')
      from public.interviews i where i.candidate_id = p_row.id),
    'escalations', (
      select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]') from public.escalations e where e.candidate_id = p_row.id),
    'answers', public.answers_json(array(select i.id from public.interviews i where i.candidate_id = p_row.id)),
    'writes', public.writes_json(p_row.id)
  );
$$;

create or replace function public.show_candidate(p_needle text, p_limit integer default 20) returns jsonb
language sql stable set search_path = '' as $$
  with found as (select c from public.find_candidates(p_needle) c)
  select jsonb_build_object(
    'count', (select count(*) from found), 'matches', coalesce(jsonb_agg(public.match_json(c) order by (c).number), '[]')
  ) from (select c from found limit p_limit) page;
$$;

-- Candidates who wait, or for whom something booked is still to come by p_now, with their interviews that stand: those who wait
-- in the queue first, then those who wait for a decision.
create or replace function public.open_candidates(p_now timestamptz, p_limit integer default 100) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  with found as (
    select c, row_number() over (
      order by array_position(array['planning', 'queued', 'escalated', 'set_aside', 'booking', 'booked'], c.status), c.number
    ) as place
    from public.candidates c
    where c.status in ('planning', 'queued', 'escalated', 'set_aside', 'booking') or c.status = 'booked' and c.id in (
      select i.candidate_id from public.interviews i where i.status = 'booked' and i.during && tstzrange(p_now, null)
    )
  )
  select jsonb_build_object(
    'count', (select count(*) from found),
    'candidates', coalesce(jsonb_agg(
      public.candidate_json(c) || jsonb_build_object('interviews', public.interviews_json((c).id)) order by place
    ), '[]')
  ) from found where place <= p_limit;
$$;

create or replace function public.agenda(p_start timestamptz, p_end timestamptz, p_interviewer text default null) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(a) order by a.start, a.interview_id), '[]')
  from public.agenda a
  -- As an array: of a join the view, which is sorted, would be read whole.
  where a.interview_id = any (array(
      select i.id from public.interviews i
      where i.status in ('reserved', 'booked', 'done') and i.during && tstzrange(p_start, p_end)
        and (p_interviewer is null or p_interviewer = any (i.interviewers))
    ));
$$;

create or replace function public.next_interviews(p_start timestamptz, p_end timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_object_agg(next.interviewer, jsonb_build_object('start', next.starts_at, 'title', next.title, 'name', c.name)), '{}')
  from (
    select distinct on (interviewer) interviewer, i.starts_at, i.title, i.candidate_id
    from public.interviews i cross join unnest(i.interviewers) interviewer
    where i.status in ('reserved', 'booked', 'done') and i.during && tstzrange(p_start, p_end)
    order by interviewer, i.starts_at, i.id
  ) next join public.candidates c on c.id = next.candidate_id;
$$;

create or replace function public.open_escalations() returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(e) order by e.put_off_until is not null, e.id), '[]') from public.open_escalations e;
$$;

create or replace function public.interviewer_load(p_start timestamptz, p_end timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(load) order by load.interviewer), '[]')
  from (
    select
      seat ->> 'interviewer' as interviewer, count(*) as interviews,
      count(*) filter (where (seat -> 'backup')::boolean) as as_backup,
      sum(extract(epoch from i.ends_at - i.starts_at) / 60)::integer as minutes
    from public.interviews i cross join lateral jsonb_array_elements(i.seats) seat
    where i.status in ('reserved', 'booked', 'done') and i.during && tstzrange(p_start, p_end)
    group by 1
  ) load;
$$;
