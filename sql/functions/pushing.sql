-- Copies of interviews in people's own calendars: what is to be pushed is written down before, and what came of it after.

create or replace function public.pushed_json(p_row public.pushed_events) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select to_jsonb(p_row);
$$;

-- The copy that is about to be pushed, with the identity and the revision it is to have. p_anew: its event is gone, make another.
create or replace function public.push_begin(
  p_interview_id uuid, p_owner text, p_provider text, p_calendar text, p_said jsonb, p_anew boolean default false
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.pushed_events;
begin
  insert into public.pushed_events (interview_id, owner, provider, calendar, key, said)
  values (p_interview_id, p_owner, p_provider, p_calendar, gen_random_uuid(), p_said)
  on conflict (interview_id, owner, provider, calendar) do update set
    generation = pushed_events.generation + p_anew::integer,
    revision = case when p_anew then 0 else pushed_events.revision + (pushed_events.said <> excluded.said)::integer end,
    handle = case when p_anew then '' else pushed_events.handle end,
    etag = case when p_anew then '' else pushed_events.etag end,
    said = excluded.said
  returning * into v_row;
  return public.pushed_json(v_row);
end;
$$;

create or replace function public.push_done(
  p_interview_id uuid, p_owner text, p_provider text, p_calendar text, p_generation integer, p_result jsonb
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.pushed_events;
begin
  update public.pushed_events set
    handle = coalesce(p_result ->> 'handle', ''), etag = coalesce(p_result ->> 'etag', ''), link = coalesce(p_result ->> 'link', ''),
    pushed_at = clock_timestamp()
  where interview_id = p_interview_id and owner = p_owner and provider = p_provider and calendar = p_calendar
    and generation = p_generation
  returning * into v_row;
  if not found then
    raise sqlstate 'MS002' using message = format('the copy of interview %s was pushed again meanwhile', p_interview_id);
  end if;
  return public.pushed_json(v_row);
end;
$$;

-- An interview with its candidate and the copies of it, for pushing.
create or replace function public.interview_to_push(p_interview_id uuid) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select public.interview_json(i) || jsonb_build_object('candidate', public.candidate_json(c), 'copies', (
    select coalesce(jsonb_agg(public.pushed_json(p) order by p.owner, p.provider, p.calendar), '[]')
    from public.pushed_events p where p.interview_id = i.id))
  from public.interviews i join public.candidates c on c.id = i.candidate_id where i.id = p_interview_id;
$$;
