-- What falls due by itself: candidates who have had all their interviews are done.

alter table public.candidates
  drop constraint candidates_status_check,
  add constraint candidates_status_check check (
    status in ('queued', 'planning', 'booking', 'booked', 'done', 'escalated', 'set_aside', 'cancelling', 'cancelled')
  );

create index interviews_to_end on public.interviews (ends_at) where status = 'booked';

comment on column public.candidates.status is
  'queued -> planning (a worker has it) -> booking (times are held, events are being written) -> booked -> done (all interviews are over).'
  ' escalated: an admin has to decide. set_aside: crashed the worker again and again. cancelling -> cancelled. Any open one can be'
  ' cancelled; escalated and set_aside can be queued again.';
