-- Whom the bot cannot write to.

create table public.unreachable_chats (
  chat_id bigint primary key,
  reason text not null check (reason <> ''),
  since timestamptz not null default clock_timestamp()
);

comment on table public.unreachable_chats is 'People whom Telegram brings nothing from the bot any more, such as those who blocked it; until they write again.';
comment on column public.unreachable_chats.reason is 'In words that follow a name, such as: has blocked me.';
