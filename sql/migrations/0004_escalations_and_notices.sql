-- What people have to decide, and what people have to be told.

create table public.escalations (
  id bigint generated always as identity primary key,
  candidate_id uuid not null references public.candidates (id),
  kind text not null check (kind <> ''),
  reason text not null,
  detail jsonb not null default '{}',
  options jsonb not null default '[]' check (jsonb_typeof(options) = 'array'),
  sop_version text,
  status text not null default 'open' check (status in ('open', 'resolved')),
  opened_at timestamptz not null default clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text,
  resolution text
);

create unique index escalations_one_open on public.escalations (candidate_id, kind) where status = 'open';
create index escalations_open on public.escalations (id) where status = 'open';
create index escalations_candidate on public.escalations (candidate_id, id);

comment on table public.escalations is 'What an admin is asked when no plan exists or something outside the rules happened.';
comment on column public.escalations.kind is 'What it is about, such as no_plan, calendar, crash or undo; one of a kind is open for a candidate at a time.';
comment on column public.escalations.reason is 'The reason in words for people.';
comment on column public.escalations.detail is 'The facts behind the reason, such as the funnel of each round.';
comment on column public.escalations.options is 'What an admin can choose from.';

create table public.notices (
  id bigint generated always as identity primary key,
  key text not null unique check (key <> ''),
  candidate_id uuid references public.candidates (id),
  channel text not null check (channel <> ''),
  recipient text not null check (recipient <> ''),
  kind text not null check (kind <> ''),
  payload jsonb not null default '{}',
  status text not null default 'pending' check (status in ('pending', 'sent', 'failed')),
  attempts integer not null default 0,
  not_before timestamptz not null default clock_timestamp(),
  lease_until timestamptz,
  receipt text not null default '',
  reason text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz
);

create index notices_pending on public.notices (channel, id) where status = 'pending';

comment on table public.notices is 'Messages to people, made in the transaction that makes them true and sent afterwards; the key keeps one from being made twice.';
comment on column public.notices.recipient is 'In the words of the channel: a chat id, an address, or admins for all of them.';
comment on column public.notices.attempts is 'How often somebody set out to send it; above 1 it may have arrived before.';
comment on column public.notices.receipt is 'What the channel answered, such as the id of the message.';
