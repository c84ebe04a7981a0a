-- What taking back needs: which rows of the audit belong together, and who was told about whom.

alter table public.scheduling_audit add column tx bigint;

create index scheduling_audit_tx on public.scheduling_audit (tx, id) where tx is not null;
create index scheduling_audit_actor on public.scheduling_audit (actor, id);

comment on column public.scheduling_audit.tx is
  'The transaction that wrote the row: what somebody did by one command, as a whole. Null for rows from before there was this column.';

create index notices_candidate on public.notices (candidate_id) where candidate_id is not null;

comment on column public.candidates.replan is
  'What the next plan is to be like: excluded (people or times that will not do), rounds (those that may move; null: any), thaw, preview (a plan that was shown and is wanted as it was), back (the preview is what was booked before), reason. Null for a plain first plan.';
