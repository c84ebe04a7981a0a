-- How we are connected to calendar providers, and what calling them has cost.

create table public.connections (
  provider text primary key check (provider ~ '^[a-z]+$'),
  sealed text not null check (sealed <> ''),
  account text not null default '',
  connected_at timestamptz not null default clock_timestamp()
);

comment on table public.connections is 'Tokens that people granted by `connect`, encrypted with a key that is not in the database.';
comment on column public.connections.sealed is 'The refresh token, encrypted (Fernet) with TOKEN_ENCRYPTION_KEY.';

create table public.calendar_statistics (
  day date not null,
  provider text not null,
  verb text not null,
  calls bigint not null default 0,
  requests bigint not null default 0,
  retries bigint not null default 0,
  waited double precision not null default 0,
  errors jsonb not null default '{}',
  budget_left integer,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (day, provider, verb)
);

comment on table public.calendar_statistics is 'What calendar calls have cost, by day (UTC), provider and verb.';
comment on column public.calendar_statistics.requests is 'HTTP requests; a call may take several.';
comment on column public.calendar_statistics.waited is 'Seconds spent on pacing and on pauses before retries.';
comment on column public.calendar_statistics.errors is 'How many failures there were by the reason that the provider gave.';
comment on column public.calendar_statistics.budget_left is 'Requests that the provider would still have granted at once, when last written.';

create table public.statistics_reports (
  report text primary key,
  at timestamptz not null default clock_timestamp()
);

comment on table public.statistics_reports is 'Reports that were counted, for a day: one that comes again is not counted again.';
