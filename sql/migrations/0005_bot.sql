-- What the chat bot has to remember to have each update exactly one effect.

create table public.bot_state (
  chat_id bigint primary key,
  user_id bigint not null,
  state jsonb not null,
  updated_at timestamptz not null default clock_timestamp()
);

comment on table public.bot_state is 'Where each chat is in its conversation; no row, no conversation.';

create table public.telegram_updates (
  update_id bigint primary key,
  chat_id bigint not null,
  user_id bigint not null,
  replies jsonb not null default '[]' check (jsonb_typeof(replies) = 'array'),
  outcome jsonb,
  received_at timestamptz not null default clock_timestamp(),
  replied_at timestamptz
);

comment on table public.telegram_updates is 'Every update that had its effect, with the replies to it; one that comes again has none.';
comment on column public.telegram_updates.outcome is 'What the command of this update gave, if it had one.';
comment on column public.telegram_updates.replied_at is 'When the replies were sent; null means they may still have to be.';
