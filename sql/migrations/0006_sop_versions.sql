-- Every SOP that was ever in force, as it was written, and when it came into force.

create table public.sop_versions (
  version text primary key check (version <> ''),
  text text not null,
  created_at timestamptz not null default clock_timestamp()
);

create table public.sop_activations (
  id bigint generated always as identity primary key,
  version text not null references public.sop_versions (version),
  source text not null check (source <> ''),
  actor text not null,
  at timestamptz not null default clock_timestamp()
);

create index sop_activations_source on public.sop_activations (source, id);

comment on table public.sop_versions is 'The texts; plans and audit rows name the version they were made under.';
comment on column public.sop_versions.version is 'A hash of the text.';
comment on table public.sop_activations is 'The newest row names the SOP in force.';
comment on column public.sop_activations.source is 'Where it came from: file, command or chat.';
