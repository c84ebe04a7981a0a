-- When what falls due by itself was last done, where that is not to be seen from what it does.

create table public.duties (
  duty text primary key check (duty <> ''),
  done_at timestamptz not null
);

comment on table public.duties is 'When duties that are done once a day or once an hour were done last, by whichever program.';
