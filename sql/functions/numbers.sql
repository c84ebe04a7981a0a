-- What the scheduler has done, in numbers.

-- Of those who came in since a time: how many there are of each status, and for those who were booked the median of the seconds
-- from coming in to being booked for the first time.
create or replace function public.numbers_since(p_since timestamptz) returns jsonb
language sql stable set search_path = '' as $$
  with came as (
    select c.status, c.created_at, (
      select min(a.at) from public.scheduling_audit a where a.candidate_id = c.id and a.action = 'booked'
    ) as booked_at, exists (
      select from public.escalations e where e.candidate_id = c.id
    ) as was_escalated
    from public.candidates c where c.created_at >= p_since
  )
  select jsonb_build_object(
    'came', count(*), 'booked', count(*) filter (where booked_at is not null),
    'escalated', count(*) filter (where was_escalated), 'cancelled', count(*) filter (where status = 'cancelled'),
    'median_seconds', percentile_cont(0.5) within group (order by extract(epoch from booked_at - created_at))
  ) from came;
$$;
