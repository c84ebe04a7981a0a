-- Interviewers in the chat: being linked, hearing of their interviews, and saying whether they come.

-- Who is linked -----------------------------------------------------------------------------------------------------------------

create or replace function public.interviewer_of(p_user_id bigint) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('interviewer', interviewer) from public.interviewer_chats where user_id = p_user_id;
$$;

create or replace function public.linked_interviewers() returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(l) order by l.interviewer), '[]') from public.interviewer_chats l;
$$;

-- Somebody in the chat is this interviewer from now on, whoever either of them was before.
create or replace function public.link_interviewer(p_interviewer text, p_user_id bigint, p_name text, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('interviewer_chats', 0));
  if exists (select from public.interviewer_chats where interviewer = p_interviewer and user_id = p_user_id) then
    return '{"changed": false}';
  end if;
  perform from public.interviewer_chats  -- both of them before the audit's chain is taken
  where interviewer = p_interviewer or user_id = p_user_id for update;
  perform public.unlink_interviewer(interviewer, user_id, p_actor) from public.interviewer_chats
  where interviewer = p_interviewer or user_id = p_user_id;
  insert into public.interviewer_chats (interviewer, user_id, name, linked_by)
  values (p_interviewer, p_user_id, coalesce(p_name, ''), p_actor);
  perform public.audit_append('interviewer_linked', p_actor, p_detail => jsonb_build_object(
    'interviewer', p_interviewer, 'user_id', p_user_id
  ));
  return '{"changed": true}';
end;
$$;

create or replace function public.unlink_interviewer(p_interviewer text, p_user_id bigint, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  delete from public.interviewer_chats where interviewer = p_interviewer and user_id = p_user_id;
  if not found then
    return '{"changed": false}';
  end if;
  delete from public.unreachable_chats where chat_id = p_user_id;
  perform public.audit_append('interviewer_unlinked', p_actor, p_detail => jsonb_build_object(
    'interviewer', p_interviewer, 'user_id', p_user_id
  ));
  return '{"changed": true}';
end;
$$;

-- What they hear of --------------------------------------------------------------------------------------------------------------

-- What is different about a candidate's interviews from what interviewers were told last, for each person whom it concerns:
-- booked, moved, given (to somebody else) or cancelled. What is just being booked is told when it is.
create or replace function public.interviewer_news(p_candidate_id uuid)
returns table (interviewer text, kind text, interview public.interviews, told public.announcements)
language sql stable set search_path = '' as $$
  with one as (
    select
      i, a, coalesce(a.interviewers, '{}') as before, case i.status when 'cancelled' then '{}' else i.interviewers end as after
    from public.interviews i left join public.announcements a on a.interview_id = i.id
    where i.candidate_id = p_candidate_id and i.status <> 'reserved'
  )
  select who, case
    when not who = any (before) then 'booked'
    when who = any (after) then 'moved'
    when after = '{}' then 'cancelled'
    else 'given'
  end, i, a
  from one cross join lateral (select distinct unnest(before || after)) person (who)
  where not (who = any (before) and who = any (after) and ((a).starts_at, (a).ends_at) = ((i).starts_at, (i).ends_at));
$$;

-- Tells linked interviewers what is new about a candidate's interviews, each in one message, and notes for all what they know now.
-- Called wherever an interview comes to rest, moves or is given up, in the same transaction.
create or replace function public.tell_interviewers(p_candidate_id uuid) returns void
language plpgsql set search_path = '' set timezone = 'UTC' as $$
begin
  insert into public.notices (key, candidate_id, channel, recipient, kind, payload)
  select
    'news:' || n.interviewer || string_agg(
      format(':%s:%s.%s.%s', n.kind, (n.interview).id, (n.interview).generation, (n.interview).revision), '' order by (n.interview).position
    ),
    c.id, 'telegram', 'interviewer:' || n.interviewer, 'interviewer_news', jsonb_build_object(
      'name', c.name, 'course', c.course,
      'until', max(case when n.kind in ('booked', 'moved') then (n.interview).starts_at else (n.told).starts_at end),
      'items', jsonb_agg(jsonb_build_object(
        'kind', n.kind, 'interview_id', (n.interview).id, 'title', (n.interview).title,
        'start', (n.interview).starts_at, 'end', (n.interview).ends_at,
        'before', case when n.kind <> 'booked' then jsonb_build_object('start', (n.told).starts_at, 'end', (n.told).ends_at) end
      ) order by (n.interview).position)
    )
  from public.interviewer_news(p_candidate_id) n
    join public.interviewer_chats l on l.interviewer = n.interviewer
    join public.candidates c on c.id = p_candidate_id
  group by n.interviewer, c.id
  on conflict (key) do nothing;
  delete from public.announcements a using public.interviews i
  where a.interview_id = i.id and i.candidate_id = p_candidate_id and i.status = 'cancelled';
  insert into public.announcements as a (interview_id, generation, revision, starts_at, ends_at, interviewers)
  select id, generation, revision, starts_at, ends_at, interviewers from public.interviews
  where candidate_id = p_candidate_id and status in ('booked', 'done')
  on conflict (interview_id) do update set
    generation = excluded.generation, revision = excluded.revision, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    interviewers = excluded.interviewers, at = excluded.at
  where (a.generation, a.revision) <> (excluded.generation, excluded.revision);
end;
$$;

-- What may be reminded of: interviews that begin after p_now and up to p_until, for each linked interviewer who has not said that
-- they cannot come, and each length (such as 24h) for which there is no reminder yet. told: since when they know of it as it is.
create or replace function public.to_remind(p_lengths jsonb, p_until timestamptz, p_now timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'key', r.key, 'length', r.length, 'interviewer', l.interviewer, 'told', a.at,
    'interview_id', i.id, 'generation', i.generation, 'revision', i.revision, 'title', i.title, 'start', i.starts_at, 'end', i.ends_at,
    'candidate_id', c.id, 'name', c.name, 'course', c.course
  ) order by i.starts_at, i.id, l.interviewer), '[]')
  from public.interviews i
    join public.announcements a on a.interview_id = i.id and (a.generation, a.revision) = (i.generation, i.revision)
    join public.candidates c on c.id = i.candidate_id
    join public.interviewer_chats l on l.interviewer = any (i.interviewers)
    cross join lateral (
      select value, format('reminder:%s:%s:%s.%s.%s', value, l.interviewer, i.id, i.generation, i.revision)
      from jsonb_array_elements_text(p_lengths)
    ) r (length, key)
  where i.status = 'booked' and i.during && tstzrange(p_now, p_until, '[]') and i.starts_at > p_now
    and not exists (
      select from public.interview_answers d where d.interview_id = i.id and d.interviewer = l.interviewer and d.answer = 'declined'
    )
    and not exists (select from public.notices n where n.key = r.key);
$$;

-- Whether what a notice says is over, or no longer so, by now.
create or replace function public.is_stale(p_notice public.notices, p_now timestamptz) returns boolean
language sql stable set search_path = '' as $$
  select (p_notice.payload ->> 'until')::timestamptz <= p_now
    or p_notice.recipient like 'interviewer:%' and not exists (
      select from public.interviewer_chats where 'interviewer:' || interviewer = p_notice.recipient
    )
    or p_notice.kind = 'interviewer_reminder' and not exists (
      select from public.interviews i
      where i.id = (p_notice.payload ->> 'interview_id')::uuid and i.status = 'booked'
        and i.generation = (p_notice.payload ->> 'generation')::integer and i.revision = (p_notice.payload ->> 'revision')::integer
        and not exists (
          select from public.interview_answers d
          where d.interview_id = i.id and 'interviewer:' || d.interviewer = p_notice.recipient and d.answer = 'declined'
        )
    );
$$;

-- What they say ------------------------------------------------------------------------------------------------------------------

-- What interviewers have said in the chat to interviews as they stand.
create or replace function public.answers_json(p_interviews uuid[]) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(a) order by a.interview_id, a.interviewer), '[]')
  from public.interview_answers a where a.interview_id = any (p_interviews);
$$;

-- An interviewer who was ruled out for a round because they had declined comes after all.
create or replace function public.let_back(p_candidate_id uuid, p_round text, p_people jsonb) returns void
language sql set search_path = '' as $$
  update public.candidates set
    exceptions = exceptions || jsonb_build_object('excluded', public.without(exceptions -> 'excluded', (
      select coalesce(jsonb_agg(jsonb_build_object('round', p_round, 'interviewer', who)), '[]')
      from jsonb_array_elements_text(p_people) who
    ))),
    updated_at = clock_timestamp()
  where id = p_candidate_id and p_people <> '[]';
$$;

-- The interview that an interviewer answers to, locked with its candidate, while it is theirs, at that time, and to come.
create or replace function public.lock_own(
  p_interview_id uuid, p_interviewer text, p_user_id bigint, p_start timestamptz, p_now timestamptz
) returns public.interviews
language plpgsql set search_path = '' as $$
declare
  v_row public.interviews;
begin
  perform public.lock_candidate(candidate_id) from public.interviews where id = p_interview_id;
  select i.* into v_row from public.interviews i
    join public.interviewer_chats l on l.interviewer = p_interviewer and l.user_id = p_user_id
  where i.id = p_interview_id and i.status in ('reserved', 'booked') and p_interviewer = any (i.interviewers)
    and i.starts_at = p_start and i.starts_at > p_now;
  if not found then
    raise sqlstate 'MS002' using message = format('interview %s is not %s''s to answer to (any more)', p_interview_id, p_interviewer);
  end if;
  return v_row;
end;
$$;

-- An interviewer says that they come (accepted) or cannot (declined), or takes the latter back (''). A decline is seen to by the
-- watch, as if it was in the calendar; until then it can be taken back, and afterwards while the interview has stayed theirs and
-- no other plan is being made.
create or replace function public.answer_interview(
  p_interview_id uuid, p_interviewer text, p_user_id bigint, p_address text, p_start timestamptz, p_answer text, p_reason text,
  p_now timestamptz
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row constant public.interviews := public.lock_own(p_interview_id, p_interviewer, p_user_id, p_start, p_now);
  v_candidate constant public.candidates := public.lock_candidate(v_row.candidate_id);
  v_before constant text := coalesce((
    select answer from public.interview_answers where interview_id = p_interview_id and interviewer = p_interviewer
  ), '');
begin
  if v_before = p_answer or p_answer = '' and v_before <> 'declined' then
    return '{"changed": false}';
  end if;
  if v_before = 'declined' and (v_row.event_answers #>> array[p_address, 'dealt'])::boolean then
    if p_answer = '' or v_candidate.status not in ('booked', 'escalated', 'set_aside') then
      perform public.wrong_state(v_candidate, 'have a decline taken back just now');
    end if;
    perform public.let_back(v_candidate.id, v_row.round, jsonb_build_array(p_interviewer));
    update public.escalations set
      status = 'resolved', resolved_at = clock_timestamp(), resolved_by = 'interviewer:' || p_interviewer,
      resolution = 'they come after all'
    where candidate_id = v_candidate.id and status in ('open') and kind = 'declined:' || v_row.round;
  end if;
  if v_before = 'declined' then
    update public.interviews set event_answers = event_answers - p_address where id = v_row.id;
  end if;
  delete from public.interview_answers where interview_id = v_row.id and interviewer = p_interviewer;
  insert into public.interview_answers (interview_id, interviewer, address, answer, reason, since)
  select v_row.id, p_interviewer, p_address, p_answer, p_reason, p_now where p_answer <> '';
  perform public.audit_append(
    case p_answer when '' then 'decline_taken_back' else 'interview_' || p_answer end, 'interviewer:' || p_interviewer, v_candidate.id,
    jsonb_build_object('round', v_row.round, 'before', v_before, 'reason', p_reason), p_interview_id => v_row.id
  );
  return '{"changed": true}';
end;
$$;
