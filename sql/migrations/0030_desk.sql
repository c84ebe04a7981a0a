-- What the admins' desk keeps beyond conversations: buttons, times at which interviewers cannot come, queues that stand still.

create table public.button_tokens (
  token text primary key check (token ~ '^[A-Za-z0-9_-]{16,40}$'),
  card text not null,
  chat_id bigint not null,
  user_id bigint not null,
  message_id bigint,
  action jsonb not null check (jsonb_typeof(action) = 'object'),
  expires_at timestamptz not null default clock_timestamp() + interval '7 days',
  used_at timestamptz
);

create index button_tokens_card on public.button_tokens (card);
create index button_tokens_expiry on public.button_tokens (expires_at);

comment on table public.button_tokens is 'What buttons in chats stand for. A button works once, for the admin and in the chat and message it was made for.';
comment on column public.button_tokens.token is 'Drawn by lot; all that the button itself carries.';
comment on column public.button_tokens.card is 'The buttons of one message: once one is used, none of the others works any more.';
comment on column public.button_tokens.message_id is 'Null until the message has been sent.';

create table public.interviewer_blocks (
  id bigint generated always as identity primary key,
  interviewer text not null check (interviewer <> ''),
  during tstzrange not null,
  reason text not null default '',
  blocked_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (interviewer, during),
  constraint interviewer_blocks_are_finite check (
    not isempty(during) and not lower_inf(during) and not upper_inf(during)
    and isfinite(lower(during)) and isfinite(upper(during))
  )
);

create index interviewer_blocks_during on public.interviewer_blocks using gist (during);

comment on table public.interviewer_blocks is 'Times at which an interviewer cannot come whatever the calendars say, such as an illness; they count as busy.';

alter table public.lanes
  add column paused_at timestamptz,
  add column paused_by text;

comment on column public.lanes.paused_at is 'Since when an admin lets no candidate of the lane be taken; null while it goes on.';
