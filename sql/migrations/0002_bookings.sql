-- Interviews, the time they hold of people, and the calendar events still to be written for them.

-- A range over text makes equality of persons usable in a GiST constraint without any extension.
create type public.textrange as range (subtype = text, collation = "C");

create table public.interviews (
  id uuid primary key,
  candidate_id uuid not null references public.candidates (id),
  course text not null,
  round text not null,
  position integer not null check (position >= 0),
  title text not null,
  status text not null default 'reserved' check (status in ('reserved', 'booked', 'cancelled', 'done')),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  during tstzrange not null generated always as (tstzrange(starts_at, ends_at)) stored,
  interviewers text[] not null check (cardinality(interviewers) > 0),
  seats jsonb not null,
  why jsonb not null default '{}',
  sop_version text not null,
  generation integer not null default 1 check (generation >= 1),
  revision integer not null default 0 check (revision >= 0),
  event_handle text not null default '',
  event_etag text not null default '',
  event_link text not null default '',
  event_meeting text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint interviews_have_length check (starts_at < ends_at and isfinite(starts_at) and isfinite(ends_at))
);

create unique index interviews_one_live on public.interviews (candidate_id, round) where status in ('reserved', 'booked');
create index interviews_candidate on public.interviews (candidate_id, position);
create index interviews_during on public.interviews using gist (during) where status in ('reserved', 'booked', 'done');

comment on table public.interviews is 'Rounds that were given a time and interviewers.';
comment on column public.interviews.position is 'Place of the round in its course, from 0.';
comment on column public.interviews.status is 'reserved (times held, event being written) -> booked -> done; reserved or booked -> cancelled.';
comment on column public.interviews.interviewers is 'Ids of the SOP in the order of the seats.';
comment on column public.interviews.seats is 'For each seat: interviewer, whether a backup, and hold_until, the end of the time held including the buffer.';
comment on column public.interviews.why is 'The facts by which the rules chose this time and these people.';
comment on column public.interviews.generation is 'Part of the event''s identity in calendars; a rebooked interview has a higher one, because deleted events keep their id.';
comment on column public.interviews.revision is 'How often the event was changed by us since it was made.';
comment on column public.interviews.event_handle is 'How the calendar finds the event again; empty until it is written.';
comment on column public.interviews.event_meeting is 'Link of the video conference.';

create table public.holds (
  id bigint generated always as identity primary key,
  interview_id uuid not null references public.interviews (id),
  person text not null check (person ~ '^(interviewer|candidate):.'),
  during tstzrange not null,
  live boolean not null default true,
  constraint holds_during_is_finite check (
    not isempty(during) and not lower_inf(during) and not upper_inf(during)
    and isfinite(lower(during)) and isfinite(upper(during))
  ),
  constraint holds_no_overlap exclude using gist (
    public.textrange(person, person, '[]') with &&, during with &&
  ) where (live)
);

create index holds_interview on public.holds (interview_id);

comment on table public.holds is 'Time of people that interviews take. Two live holds of one person can never overlap: the database refuses the second.';
comment on column public.holds.person is 'interviewer:<id of the SOP> or candidate:<email>.';
comment on column public.holds.during is 'Half-open. Of an interviewer from the start to the end plus the buffer, of a candidate from start to end.';
comment on column public.holds.live is 'False once the interview is cancelled.';

create table public.calendar_writes (
  id bigint generated always as identity primary key,
  candidate_id uuid not null references public.candidates (id),
  interview_id uuid not null references public.interviews (id),
  verb text not null check (verb in ('put', 'cancel')),
  generation integer not null,
  revision integer not null,
  payload jsonb not null default '{}',
  status text not null default 'pending' check (status in ('pending', 'done', 'failed', 'void')),
  attempts integer not null default 0,
  retry_at timestamptz,
  reason text not null default '',
  message text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  unique (interview_id, verb, generation, revision)
);

create index calendar_writes_candidate on public.calendar_writes (candidate_id, id);

comment on table public.calendar_writes is
  'What is to be done in calendars, made in the transaction that makes it true and done afterwards; a second try finds the first by its key.';
comment on column public.calendar_writes.verb is 'put: the event has to be there as the payload says. cancel: no event may be there.';
comment on column public.calendar_writes.status is 'pending -> done, or failed (trying again cannot help), or void (no longer wanted).';
comment on column public.calendar_writes.retry_at is 'Not sooner than this, when a try failed for now.';
