-- Who may use the bot besides its owners, whom the settings name.

create table public.bot_people (
  user_id bigint primary key,
  role text not null check (role in ('admin', 'viewer')),
  name text not null default '',
  added_by text not null,
  added_at timestamptz not null default clock_timestamp()
);

comment on table public.bot_people is 'Admins and viewers; whoever is not here and not named in the settings is not answered.';

create table public.bot_invitations (
  code_hash text primary key check (code_hash ~ '^[0-9a-f]{64}$'),
  role text not null check (role in ('admin', 'viewer')),
  invited_by text not null,
  expires_at timestamptz not null default clock_timestamp() + interval '24 hours',
  used_by bigint
);

comment on table public.bot_invitations is 'One-time codes; only their SHA-256 is kept.';
