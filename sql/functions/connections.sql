-- Connections to calendar providers, what they cost, and the clock of the database.

create or replace function public.save_connection(p_provider text, p_sealed text, p_account text, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.connections (provider, sealed, account) values (p_provider, p_sealed, p_account)
  on conflict (provider) do update
    set sealed = excluded.sealed, account = excluded.account, connected_at = clock_timestamp();
  perform public.audit_append('connected', p_actor, p_detail => jsonb_build_object('provider', p_provider));
  return '{"saved": true}';
end;
$$;

create or replace function public.connection(p_provider text) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(c) from public.connections c where c.provider = p_provider;
$$;

-- Adds what a process has counted since it last did. `p_report` names the report, so that one that is sent again counts once.
create or replace function public.add_statistics(p_report text, p_rows jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
begin
  insert into public.statistics_reports (report) values (p_report) on conflict do nothing;
  if not found then
    return '{"repeated": true}';
  end if;
  delete from public.statistics_reports where at < clock_timestamp() - interval '1 day';
  insert into public.calendar_statistics as s (day, provider, verb, calls, requests, retries, waited, errors, budget_left)
  select current_date, r.provider, r.verb, r.calls, r.requests, r.retries, r.waited, coalesce(r.errors, '{}'), r.budget_left
  from jsonb_to_recordset(p_rows) as r (
    provider text, verb text, calls bigint, requests bigint, retries bigint, waited double precision, errors jsonb, budget_left integer
  )
  on conflict (day, provider, verb) do update set
    calls = s.calls + excluded.calls, requests = s.requests + excluded.requests, retries = s.retries + excluded.retries,
    waited = s.waited + excluded.waited, budget_left = excluded.budget_left, updated_at = clock_timestamp(),
    errors = (
      select coalesce(jsonb_object_agg(reason, n), '{}') from (
        select reason, sum(n::bigint) as n
        from (select * from jsonb_each_text(s.errors) union all select * from jsonb_each_text(excluded.errors)) both_ (reason, n)
        group by reason
      ) added
    );
  return '{"repeated": false}';
end;
$$;

create or replace function public.statistics_since(p_day date) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_agg(to_jsonb(t) order by t.provider, t.verb), '[]') from (
    select s.provider, s.verb, sum(s.calls) as calls, sum(s.requests) as requests, sum(s.retries) as retries,
      sum(s.waited) as waited, (array_agg(s.budget_left order by s.updated_at desc))[1] as budget_left,
      (select coalesce(jsonb_object_agg(e.reason, e.n), '{}') from (
        select each.key as reason, sum(each.value::bigint) as n
        from public.calendar_statistics x cross join lateral jsonb_each_text(x.errors) each
        where x.provider = s.provider and x.verb = s.verb and x.day >= p_day group by 1
      ) e) as errors
    from public.calendar_statistics s where s.day >= p_day group by s.provider, s.verb
  ) t;
$$;

create or replace function public.database_time() returns jsonb
language sql volatile set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object('time', clock_timestamp());
$$;
