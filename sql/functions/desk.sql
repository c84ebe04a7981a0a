-- The admins' desk: buttons that work once, and what admins do beyond the queue's own functions.

-- Buttons: [{token, card, action}].
create or replace function public.add_buttons(p_chat_id bigint, p_user_id bigint, p_buttons jsonb) returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.button_tokens (token, card, chat_id, user_id, action)
  select b.token, b.card, p_chat_id, p_user_id, b.action
  from jsonb_to_recordset(coalesce(p_buttons, '[]')) as b (token text, card text, action jsonb)
  on conflict do nothing;
  return '{"ok": true}';
end;
$$;

-- The message that a card's buttons are under, once it is known.
create or replace function public.place_card(p_card text, p_message_id bigint) returns jsonb
language plpgsql set search_path = '' as $$
begin
  update public.button_tokens set message_id = p_message_id where card = p_card;
  return '{"ok": true}';
end;
$$;

-- What a button stands for, for whom it was made; null when it does nothing (any more).
create or replace function public.button_action(p_token text, p_chat_id bigint, p_user_id bigint, p_message_id bigint)
returns jsonb
language sql stable set search_path = '' as $$
  select action from public.button_tokens
  where token = p_token and chat_id = p_chat_id and user_id = p_user_id and coalesce(message_id, p_message_id) = p_message_id
    and used_at is null and expires_at > clock_timestamp();
$$;

-- Uses a button, and all of its card with it; false when somebody was quicker, or it does nothing (any more).
create or replace function public.use_button(p_token text, p_chat_id bigint, p_user_id bigint, p_message_id bigint) returns boolean
language plpgsql set search_path = '' as $$
declare
  v_card constant text := (select card from public.button_tokens where token = p_token);
begin
  perform from public.button_tokens where card = v_card order by token for update;  -- two buttons of a card are tapped at once
  if public.button_action(p_token, p_chat_id, p_user_id, p_message_id) is null then
    return false;
  end if;
  update public.button_tokens set used_at = clock_timestamp() where card = v_card and used_at is null;
  return true;
end;
$$;

-- A turn of the bot with what belongs to buttons. p_use: the token that was tapped, under p_message_id; when it does nothing any
-- more, the conversation stays where it is and p_stale is replied. p_buttons: those of the replies.
create or replace function public.desk_turn(
  p_update_id bigint, p_chat_id bigint, p_user_id bigint, p_state jsonb, p_replies jsonb default '[]', p_command jsonb default null,
  p_use text default null, p_message_id bigint default null, p_buttons jsonb default '[]', p_stale jsonb default '[]'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_turn jsonb;
begin
  if p_use is not null and not public.use_button(p_use, p_chat_id, p_user_id, p_message_id) then
    return public.bot_turn(p_update_id, p_chat_id, p_user_id,
      (select state from public.bot_state where chat_id = p_chat_id), p_stale);
  end if;
  v_turn := public.bot_turn(p_update_id, p_chat_id, p_user_id, p_state, p_replies, p_command, true);
  if (v_turn -> 'repeated')::boolean then
    return v_turn;
  end if;
  perform public.add_buttons(p_chat_id, p_user_id, p_buttons);
  update public.candidates set chat_id = p_chat_id  -- nobody took this candidate in by chat: who decides hears what comes of it
  where chat_id is null and id = case
    when p_command ?| array['take_shown', 'take_other', 'resolve_escalation', 'take_back'] then (v_turn #>> '{outcome,candidate_id}')::uuid
    when p_command ?| array['requeue', 'cancel_candidate', 'ask_replan'] then (v_turn #>> '{outcome,id}')::uuid
  end;
  return v_turn;
end;
$$;

-- What a tap or an answer may do. What cannot be done (any more) is undone as a whole and told as {refused, message}.
create or replace function public.desk_command(p_command jsonb) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_name constant text := (select key from jsonb_each(p_command) limit 1);
  v_args constant jsonb := p_command -> v_name;
begin
  case v_name
    when 'take_shown' then
      return public.take_shown((v_args ->> 'escalation_id')::bigint, (v_args ->> 'option')::integer, v_args -> 'shown', v_args ->> 'actor');
    when 'take_other' then
      return public.take_other((v_args ->> 'escalation_id')::bigint, v_args -> 'option', v_args ->> 'actor');
    when 'block_interviewer' then
      return public.block_interviewer(v_args ->> 'interviewer', (v_args ->> 'start')::timestamptz, (v_args ->> 'end')::timestamptz,
        v_args ->> 'actor', coalesce(v_args ->> 'reason', ''));
    when 'unblock_interviewer' then
      return public.unblock_interviewer((v_args ->> 'block_id')::bigint, v_args ->> 'actor');
    when 'link_interviewer' then
      return public.link_interviewer(v_args ->> 'interviewer', (v_args ->> 'user_id')::bigint, v_args ->> 'name', v_args ->> 'actor');
    when 'unlink_interviewer' then
      return public.unlink_interviewer(v_args ->> 'interviewer', (v_args ->> 'user_id')::bigint, v_args ->> 'actor');
    when 'answer_interview' then
      return public.answer_interview((v_args ->> 'interview_id')::uuid, v_args ->> 'interviewer', (v_args ->> 'user_id')::bigint,
        v_args ->> 'address', (v_args ->> 'start')::timestamptz, v_args ->> 'answer', coalesce(v_args ->> 'reason', ''),
        (v_args ->> 'now')::timestamptz);
    when 'put_off' then
      return public.put_off((v_args ->> 'escalation_id')::bigint, (v_args ->> 'until')::timestamptz, (v_args ->> 'chat_id')::bigint,
        v_args ->> 'actor');
    when 'check_again' then
      return public.check_again((v_args ->> 'escalation_id')::bigint, v_args ->> 'actor');
    when 'hand_to' then
      return public.hand_to((v_args ->> 'escalation_id')::bigint, (v_args ->> 'chat_id')::bigint, (v_args ->> 'from')::bigint,
        v_args ->> 'actor');
    when 'pause_lane' then
      return public.pause_lane(v_args ->> 'lane', (v_args ->> 'paused')::boolean, v_args ->> 'actor');
    when 'take_back' then
      return public.take_back((v_args ->> 'deed')::bigint, (v_args ->> 'seen')::bigint, v_args -> 'commands', v_args ->> 'actor');
    else
      return public.run_command(p_command);
  end case;
exception
  when sqlstate 'MS002' or sqlstate 'MS003' or exclusion_violation or unique_violation then
    return jsonb_build_object('refused', sqlstate, 'message', sqlerrm);
end;
$$;

-- Takes an option of an escalation if it is still the one that was shown.
create or replace function public.take_shown(p_escalation_id bigint, p_option integer, p_shown jsonb, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row constant public.escalations := public.lock_question(p_escalation_id);
begin
  if v_row.status = 'open' and v_row.options -> p_option is distinct from p_shown then
    raise sqlstate 'MS002' using message = format('option %s of escalation %s is no longer what was shown', p_option, p_escalation_id);
  end if;
  return public.take_option(p_escalation_id, p_option, p_actor);
end;
$$;

-- Interviews that stand and that an interviewer has in a time, with whose they are.
create or replace function public.blocked_by(p_interviewer text, p_start timestamptz, p_end timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(public.interview_json(i) || jsonb_build_object(
    'name', c.name, 'number', c.number, 'candidate_status', c.status
  ) order by i.starts_at, i.id), '[]')
  from public.interviews i join public.candidates c on c.id = i.candidate_id
  where i.status in ('reserved', 'booked') and i.during && tstzrange(p_start, p_end) and p_interviewer = any (i.interviewers);
$$;

-- An interviewer cannot come in a time: it counts as busy from now on, and what is booked in it is planned anew. All or nothing:
-- while one of those candidates is just being booked, it is refused.
create or replace function public.block_interviewer(
  p_interviewer text, p_start timestamptz, p_end timestamptz, p_actor text, p_reason text default ''
) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_affected constant uuid[] := array(
    select distinct c.id from jsonb_array_elements(public.blocked_by(p_interviewer, p_start, p_end)) i
      join public.candidates c on c.id = (i ->> 'candidate_id')::uuid
    where c.status not in ('set_aside', 'cancelling', 'cancelled')  -- they are planned anew, if at all, when an admin queues them
    order by c.id
  );
begin
  insert into public.interviewer_blocks (interviewer, during, reason, blocked_by)
  values (p_interviewer, tstzrange(p_start, p_end), p_reason, p_actor) on conflict do nothing;
  if not found then
    return jsonb_build_object('changed', false, 'affected', 0);
  end if;
  perform from public.candidates where id = any (v_affected) order by id for update;  -- before the audit's chain is taken
  perform public.audit_append('interviewer_blocked', p_actor, p_detail => jsonb_build_object(
    'interviewer', p_interviewer, 'start', p_start, 'end', p_end, 'reason', p_reason, 'affected', cardinality(v_affected)
  ));
  perform public.ask_replan(id, p_actor, p_reason, jsonb_build_object('excluded', jsonb_build_array(jsonb_build_object(
    'interviewer', p_interviewer, 'start', p_start, 'end', p_end
  )))) from unnest(v_affected) id;
  return jsonb_build_object('changed', true, 'affected', cardinality(v_affected));
end;
$$;

-- Times at which interviewers cannot come, as far as they meet a time.
create or replace function public.blocks_between(p_start timestamptz, p_end timestamptz) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', id, 'interviewer', interviewer, 'start', lower(during), 'end', upper(during), 'reason', reason
  ) order by id), '[]')
  from public.interviewer_blocks where during && tstzrange(p_start, p_end);
$$;

-- An absence was a mistake, or is over: the time is free again. What was planned anew because of it stays as it is.
create or replace function public.unblock_interviewer(p_block_id bigint, p_actor text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_row public.interviewer_blocks;
begin
  delete from public.interviewer_blocks where id = p_block_id returning * into v_row;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.audit_append('interviewer_unblocked', p_actor, p_detail => jsonb_build_object(
    'interviewer', v_row.interviewer, 'start', lower(v_row.during), 'end', upper(v_row.during), 'reason', v_row.reason
  ));
  return '{"changed": true}';
end;
$$;

create or replace function public.pause_lane(p_lane text, p_paused boolean, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('lane:' || p_lane, 0));
  insert into public.lanes (lane) values (p_lane) on conflict do nothing;
  update public.lanes set
    paused_at = case when p_paused then clock_timestamp() end, paused_by = case when p_paused then p_actor end
  where lane = p_lane and (paused_at is not null) <> p_paused;
  if not found then
    return '{"changed": false}';
  end if;
  perform public.audit_append(case when p_paused then 'paused' else 'resumed' end, p_actor,
    p_detail => jsonb_build_object('lane', p_lane));
  return '{"changed": true}';
end;
$$;

-- Since when a lane stands still and who wanted it; null while it goes on.
create or replace function public.lane_pause(p_lane text) returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select jsonb_build_object('since', paused_at, 'by', paused_by) from public.lanes where lane = p_lane and paused_at is not null;
$$;
