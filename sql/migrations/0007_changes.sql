-- What happens after an interview is booked: plans made anew, what calendars were seen to say, copies in people's own calendars.

alter table public.candidates
  add column replan jsonb check (jsonb_typeof(replan) = 'object'),
  add column exceptions jsonb not null default '{}' check (jsonb_typeof(exceptions) = 'object');

comment on column public.candidates.replan is
  'What the next plan is to be like: excluded (people or times that will not do), rounds (those that may move; null: any), thaw, preview (a plan that was shown and is wanted as it was), reason. Null for a plain first plan.';
comment on column public.candidates.exceptions is
  'What holds for this candidate beyond the SOP until further notice: changes (values of the SOP by path, granted by an admin), excluded (as in replan), waived (rounds left out), pinned (rounds that stay where a person put them).';

alter table public.interviews
  add column event_said jsonb not null default '{}',
  add column event_edits jsonb not null default '{}',
  add column event_answers jsonb not null default '{}',
  add column look_at timestamptz;

create index interviews_event on public.interviews (event_handle) where event_handle <> '';
create index interviews_look_at on public.interviews (look_at) where look_at is not null;

comment on column public.interviews.event_said is
  'What the calendar''s event said when it was last written or dealt with: title, description, start, end, guests. Whatever it says later is news. deleted: a person has deleted it.';
comment on column public.interviews.event_edits is 'What people have changed in the event''s text and guests; our own changes leave it as they made it.';
comment on column public.interviews.event_answers is 'Who has declined, by address: since when, and whether it was dealt with.';
comment on column public.interviews.look_at is 'When the watch has to look at the event again, though nothing may have changed.';

create table public.watches (
  calendar text primary key,
  cursor text not null default '',
  resynced_at timestamptz,
  busy_at timestamptz,
  updated_at timestamptz not null default clock_timestamp()
);

comment on table public.watches is 'How far each calendar was read for changes. Saved only after everything it led to.';
comment on column public.watches.resynced_at is 'When everything was compared last, not only what had changed.';
comment on column public.watches.busy_at is 'When busy times were last compared with what is booked.';

create table public.pushed_events (
  interview_id uuid not null references public.interviews (id),
  owner text not null check (owner <> ''),
  provider text not null,
  calendar text not null,
  key uuid not null,
  generation integer not null default 1 check (generation >= 1),
  revision integer not null default 0 check (revision >= 0),
  said jsonb not null,
  handle text not null default '',
  etag text not null default '',
  link text not null default '',
  pushed_at timestamptz,
  primary key (interview_id, owner, provider, calendar)
);

comment on table public.pushed_events is 'Copies of interviews that people have put into calendars of their own.';
comment on column public.pushed_events.key is 'The copy''s identity in that calendar, in place of the interview''s id: both may be in the same one.';
comment on column public.pushed_events.said is 'What the copy was to say last; another text is another revision.';
comment on column public.pushed_events.pushed_at is 'Null until the first push has succeeded.';
