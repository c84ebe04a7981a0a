-- The SOP in force.

create or replace function public.active_sop() returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object(
    'version', v.version, 'text', v.text, 'source', a.source, 'activated_by', a.actor, 'activated_at', a.at,
    'newest_by_source', (
      select jsonb_object_agg(newest.source, newest.version)
      from (select distinct on (source) source, version from public.sop_activations order by source, id desc) newest
    )
  )
  from public.sop_activations a join public.sop_versions v on v.version = a.version
  order by a.id desc limit 1;
$$;

comment on function public.active_sop is
  'newest_by_source: what each source activated last, so that a file that did not change since does not overrule a later command.';

create or replace function public.activate_sop(p_version text, p_text text, p_source text, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_active jsonb;
begin
  perform pg_advisory_xact_lock(hashtextextended('sop', 0));
  v_active := public.active_sop();
  if v_active ->> 'version' = p_version and v_active -> 'newest_by_source' ->> p_source = p_version then
    return v_active || '{"changed": false}';
  end if;
  insert into public.sop_versions (version, text) values (p_version, p_text) on conflict do nothing;
  insert into public.sop_activations (version, source, actor) values (p_version, p_source, p_actor);
  perform public.audit_append('sop_activated', p_actor, p_detail => jsonb_build_object(
    'source', p_source, 'before', v_active -> 'version'
  ), p_sop_version => p_version);
  return public.active_sop() || jsonb_build_object('changed', v_active ->> 'version' is distinct from p_version);
end;
$$;

-- SOPs that have been in force, with their texts, by when they last came into force, newest first.
create or replace function public.sop_history(p_limit integer default 20) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(h) - 'id' order by h.id desc), '[]') from (
    select last.id, last.version, last.source, last.actor, last.at, v.text
    from (select distinct on (version) * from public.sop_activations order by version, id desc) last
      join public.sop_versions v on v.version = last.version
    order by last.id desc limit p_limit
  ) h;
$$;
