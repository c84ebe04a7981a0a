-- Questions that nobody answers go from admin to admin, and questions about a calendar that cannot be used are about no one candidate.

alter table public.escalations
  alter column candidate_id drop not null,
  add column subject text check (subject <> ''),
  add column held_by bigint,
  add column held_since timestamptz not null default clock_timestamp(),
  add column handed integer not null default 0 check (handed >= 0),
  add column placed integer not null default 0,
  add column put_off_until timestamptz,
  add column all_told_at timestamptz,
  add constraint escalations_are_about_something check ((candidate_id is null) <> (subject is null)),
  add constraint escalations_placed check (placed between 0 and handed);

create unique index escalations_one_of_a_subject on public.escalations (subject) where status = 'open';

comment on column public.escalations.subject is 'What it is about when it is no candidate, such as calendar:google or calendar:google:asha@example.com.';
comment on column public.escalations.held_by is 'The chat of the admin who is to answer; null: the one who took the candidate in, else all of them.';
comment on column public.escalations.held_since is 'Since when; every handing on, putting off and asking anew begins it again.';
comment on column public.escalations.handed is 'How often it has gone to another admin.';
comment on column public.escalations.placed is 'Which of these handings held_by is from; less than handed while nobody has been told yet.';
comment on column public.escalations.put_off_until is 'An admin wants to be asked again then, and nobody is to be asked before.';
comment on column public.escalations.all_told_at is 'When all admins were told that it is still open, after which nobody is told any more.';

alter table public.candidates add column waits_for text;

create index candidates_waiting on public.candidates (waits_for) where waits_for is not null;

comment on column public.candidates.waits_for is 'The subject of the escalation that has to be settled before a worker has any use of trying again.';

create table public.bot_names (
  user_id bigint primary key,
  name text not null check (name <> '')
);

comment on table public.bot_names is 'What people who use the bot are called in Telegram, as of their last message.';
