-- Views for the questions admins ask, in SQL editors and dashboards. They see what the reader may see, not what the owner may.

drop view if exists public.queue_now, public.agenda, public.open_escalations, public.interviewer_load;

create view public.queue_now with (security_invoker = true) as
select
  c.number, c.id as candidate_id, c.name, c.email, c.course, c.status, c.lane,
  case c.status when 'queued' then row_number() over (partition by c.lane, c.status order by c.number) end as position,
  c.attempts, c.worker, c.lease_until, c.not_before, c.reason, c.created_at
from public.candidates c
where c.status in ('queued', 'planning', 'booking', 'cancelling') or c.unwinding
order by c.lane, (c.status = 'queued'), c.number;

comment on view public.queue_now is 'Who is being worked on and who waits, in the order in which they are taken. position: place in the queue of the lane.';

create view public.agenda with (security_invoker = true) as
select
  i.id as interview_id, i.starts_at as start, i.ends_at as "end", c.number, c.id as candidate_id, c.name, c.email, i.course, i.round,
  i.title, i.position, i.interviewers,
  array(select seat ->> 'interviewer' from jsonb_array_elements(i.seats) seat where (seat -> 'backup')::boolean) as backups,
  i.status, i.event_link as link, i.event_meeting as meeting, public.answers_json(array[i.id]) as answers, i.event_answers
from public.interviews i join public.candidates c on c.id = i.candidate_id
where i.status in ('reserved', 'booked', 'done')
order by i.starts_at, i.id;

comment on view public.agenda is 'Interviews that stand, by time. backups: those of the interviewers who step in for a primary. answers: what interviewers said in the chat; event_answers: who has declined in the calendar.';

create view public.open_escalations with (security_invoker = true) as
select
  e.id, e.opened_at, e.kind, e.reason, e.options, e.detail, e.sop_version, c.number, c.id as candidate_id,
  coalesce(c.name, e.detail ->> 'name') as name, c.email, c.course, c.status as candidate_status, c.chat_id, e.subject, e.held_by, e.held_since, e.handed,
  case when e.put_off_until > clock_timestamp() then e.put_off_until end as put_off_until,
  case when e.subject is not null then (
    select count(*) from public.candidates w
    where w.waits_for = e.subject and (w.status in ('queued', 'booking', 'cancelling') or w.unwinding)
  ) end as waiting
from public.escalations e left join public.candidates c on c.id = e.candidate_id
where e.status = 'open'
order by put_off_until is not null, e.id;

comment on view public.open_escalations is
  'What waits for the decision of an admin, oldest first, what was put off last. waiting: candidates who cannot go on until it is settled.';

create view public.interviewer_load with (security_invoker = true) as
select
  seat ->> 'interviewer' as interviewer, date_trunc('week', i.starts_at, 'UTC') as week, count(*) as interviews,
  count(*) filter (where (seat -> 'backup')::boolean) as as_backup,
  sum(extract(epoch from i.ends_at - i.starts_at) / 60)::integer as minutes
from public.interviews i cross join lateral jsonb_array_elements(i.seats) seat
where i.status in ('reserved', 'booked', 'done')
group by 1, 2
order by 2, 1;

comment on view public.interviewer_load is 'Interviews of each interviewer by week (from Monday 00:00 UTC).';
