-- Candidates, who are also the queue, and the lanes they wait in.

create table public.lanes (
  lane text primary key check (lane ~ '^[a-z][a-z0-9_-]{0,30}$'),
  at_once integer not null default 1 check (at_once between 1 and 100)
);

comment on table public.lanes is 'Queues that may schedule more than one candidate at a time; a lane without a row schedules one.';
comment on column public.lanes.at_once is 'How many candidates may be worked on at the same time; safe at any number, calendars may be slower.';

create table public.candidates (
  id uuid primary key default gen_random_uuid(),
  number bigint generated always as identity unique,
  status text not null default 'queued' check (
    status in ('queued', 'planning', 'booking', 'booked', 'escalated', 'set_aside', 'cancelling', 'cancelled')
  ),
  lane text not null default 'main',
  request jsonb not null check (jsonb_typeof(request) = 'object'),
  name text not null generated always as (request ->> 'name') stored,
  email text not null generated always as (lower(request ->> 'email')) stored,
  course text not null generated always as (request ->> 'course') stored,
  request_key text not null unique check (request_key <> ''),
  source text not null check (source in ('chat', 'csv', 'api')),
  chat_id bigint,
  sop_version text,
  reason text not null default '',
  unwinding boolean not null default false,
  not_before timestamptz not null default clock_timestamp(),
  attempts integer not null default 0 check (attempts >= 0),
  fence bigint not null default 0,
  worker text,
  lease_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint candidates_lease_has_worker check ((worker is null) = (lease_until is null))
);

-- One open request for a person and a course. Escalated and set-aside ones are open: they still ask for the same thing.
create unique index candidates_one_open on public.candidates (email, course)
  where status in ('queued', 'planning', 'booking', 'booked', 'escalated', 'set_aside');

-- What a claim may take, in the order it takes it: work in progress first, then the queue. Those at rest are not in it.
create index candidates_claimable on public.candidates (lane, (status = 'queued'), number)
  where status in ('queued', 'planning', 'booking', 'cancelling') or unwinding;

create index candidates_leased on public.candidates (lane, lease_until) where lease_until is not null;
create index candidates_status on public.candidates (status, number);

comment on table public.candidates is 'Everybody an admin has asked interviews for. The queue is the rows with status queued, by number.';
comment on column public.candidates.number is 'Place in the order of arrival and short name for people; gaps mean nothing.';
comment on column public.candidates.status is
  'queued -> planning (a worker has it) -> booking (times are held, events are being written) -> booked. escalated: an admin has to decide.'
  ' set_aside: crashed the worker again and again. cancelling -> cancelled. Any open one can be cancelled; escalated and set_aside can be queued again.';
comment on column public.candidates.request is 'What was asked for, as CandidateRequest writes it; name, email and course are read from it.';
comment on column public.candidates.request_key is 'The same request twice has the same key, and is taken in once.';
comment on column public.candidates.sop_version is 'The SOP under which the interviews were planned last.';
comment on column public.candidates.reason is 'Why the candidate is where it is, in a few words.';
comment on column public.candidates.unwinding is 'Calendar events of a booking that was given up are still to be cancelled.';
comment on column public.candidates.not_before is 'No worker takes the candidate sooner.';
comment on column public.candidates.attempts is 'Claims since the last rest; counted when claimed, so that a crash counts. More than five: set aside.';
comment on column public.candidates.fence is 'Raised by each claim; a worker writes with the number it was given and is refused when it is no longer this one.';
comment on column public.candidates.lease_until is 'Until when the worker has the candidate, by the clock of the database.';
