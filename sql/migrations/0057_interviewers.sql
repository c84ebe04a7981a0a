-- Interviewers in the chat: who they are there, what they have answered, and what they were told last.

create table public.interviewer_chats (
  interviewer text primary key check (interviewer <> ''),
  user_id bigint not null unique,
  name text not null default '',
  linked_by text not null,
  linked_at timestamptz not null default clock_timestamp()
);

comment on table public.interviewer_chats is
  'Which interviewer of the SOP somebody in the chat is; beside a role, or instead of one, when only their own interviews are shown to them.';

alter table public.bot_invitations
  alter column role drop not null,
  add column interviewer text,
  add constraint bot_invitations_are_for_one_thing check (num_nonnulls(role, interviewer) = 1);

comment on column public.bot_invitations.interviewer is 'Who somebody becomes by the code, where it gives no role.';

create table public.interview_answers (
  interview_id uuid not null references public.interviews (id),
  interviewer text not null,
  address text not null,
  answer text not null check (answer in ('accepted', 'declined')),
  reason text not null default '',
  since timestamptz not null,
  primary key (interview_id, interviewer)
);

comment on table public.interview_answers is
  'What interviewers say in the chat to interviews as they stand; a calendar''s own answers are in interviews.event_answers, where a decline of either kind is noted as dealt with.';
comment on column public.interview_answers.address is 'Under which event_answers has the same person.';

-- An answer is to one time: when the interview is at another, is somebody else's or was given up, the answer is forgotten.
create function public.forget_answers() returns trigger
language plpgsql set search_path = '' as $$
begin
  delete from public.interview_answers
  where interview_id = new.id
    and (new.starts_at <> old.starts_at or new.status = 'cancelled' or not interviewer = any (new.interviewers));
  return null;
end;
$$;

create trigger interviews_forget_answers after update of starts_at, status, interviewers on public.interviews
  for each row execute function public.forget_answers();

create table public.announcements (
  interview_id uuid primary key references public.interviews (id),
  generation integer not null,
  revision integer not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  interviewers text[] not null,
  at timestamptz not null default clock_timestamp()
);

comment on table public.announcements is 'Interviews as their interviewers were told of them last; what is different by now is news to them.';

insert into public.announcements (interview_id, generation, revision, starts_at, ends_at, interviewers, at)
select id, generation, revision, starts_at, ends_at, interviewers, updated_at from public.interviews where status in ('booked', 'done');

alter table public.notices
  drop constraint notices_status_check,
  add constraint notices_status_check check (status in ('pending', 'sent', 'failed', 'void'));

comment on column public.notices.status is 'pending -> sent, or failed (trying again cannot help), or void (no longer true when it was to be sent).';
