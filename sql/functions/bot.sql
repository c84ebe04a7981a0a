-- The chat bot's memory: an update of Telegram's has its whole effect in one transaction, or none.

create or replace function public.update_json(p_row public.telegram_updates) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'replied', p_row.replied_at is not null, 'replies', p_row.replies, 'outcome', p_row.outcome
  );
$$;

-- What an admin's tap or answer may do besides moving the conversation on: one function of the queue, with its arguments.
create or replace function public.run_command(p_command jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_name constant text := (select key from jsonb_each(p_command) limit 1);
  v_args constant jsonb := p_command -> v_name;
begin
  case v_name
    when 'enqueue' then
      return public.enqueue(v_args -> 'request', v_args ->> 'key', v_args ->> 'source', v_args ->> 'actor',
        (v_args ->> 'chat_id')::bigint, coalesce(v_args ->> 'lane', 'main'));
    when 'enqueue_all' then
      return public.enqueue_all(v_args -> 'rows', v_args ->> 'source', v_args ->> 'actor', (v_args ->> 'chat_id')::bigint,
        coalesce(v_args ->> 'lane', 'main'));
    when 'activate_sop' then
      return public.activate_sop(v_args ->> 'version', v_args ->> 'text', v_args ->> 'source', v_args ->> 'actor');
    when 'set_role' then
      return public.set_role((v_args ->> 'user_id')::bigint, v_args ->> 'role', v_args ->> 'name', v_args ->> 'actor');
    when 'invite' then
      return public.invite(v_args ->> 'code_hash', v_args ->> 'role', v_args ->> 'actor', v_args ->> 'interviewer');
    when 'join_by_code' then
      return public.join_by_code(v_args ->> 'code_hash', (v_args ->> 'user_id')::bigint, v_args ->> 'name');
    when 'requeue' then
      return public.requeue((v_args ->> 'candidate_id')::uuid, v_args ->> 'actor', nullif(v_args -> 'request', 'null'),
        coalesce(v_args ->> 'reason', ''));
    when 'cancel_candidate' then
      return public.cancel_candidate((v_args ->> 'candidate_id')::uuid, v_args ->> 'actor', coalesce(v_args ->> 'reason', ''));
    when 'resolve_escalation' then
      return public.resolve_escalation((v_args ->> 'escalation_id')::bigint, v_args ->> 'actor', v_args ->> 'resolution');
    when 'ask_replan' then
      return public.ask_replan((v_args ->> 'candidate_id')::uuid, v_args ->> 'actor', coalesce(v_args ->> 'reason', ''),
        coalesce(v_args -> 'detail', '{}'));
    when 'take_option' then
      return public.take_option((v_args ->> 'escalation_id')::bigint, (v_args ->> 'option')::integer, v_args ->> 'actor');
    else
      raise sqlstate 'MS003' using message = format('there is no command %s', v_name);
  end case;
end;
$$;

drop function if exists public.bot_turn(bigint, bigint, bigint, jsonb, jsonb, jsonb);

-- p_desk: the command is one of the desk's, with what becomes of it when it cannot be done.
create or replace function public.bot_turn(
  p_update_id bigint, p_chat_id bigint, p_user_id bigint, p_state jsonb, p_replies jsonb default '[]', p_command jsonb default null,
  p_desk boolean default false
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_row public.telegram_updates;
  v_back boolean;
begin
  insert into public.telegram_updates (update_id, chat_id, user_id, replies) values (p_update_id, p_chat_id, p_user_id, p_replies)
  on conflict do nothing;
  if not found then
    select * into v_row from public.telegram_updates where update_id = p_update_id;
    return public.update_json(v_row) || '{"repeated": true}';
  end if;
  delete from public.unreachable_chats where chat_id = p_chat_id;
  v_back := found;
  if p_state is null or p_state = 'null' then
    delete from public.bot_state where chat_id = p_chat_id;
  else
    insert into public.bot_state (chat_id, user_id, state) values (p_chat_id, p_user_id, p_state)
    on conflict (chat_id) do update set state = excluded.state, user_id = excluded.user_id, updated_at = clock_timestamp();
  end if;
  update public.telegram_updates set outcome = case
    when nullif(p_command, 'null') is null then null when p_desk then public.desk_command(p_command) else public.run_command(p_command)
  end
  where update_id = p_update_id returning * into v_row;
  if v_back then  -- only now: the command has locks to take that come before the audit's chain
    perform public.audit_append('reachable', 'telegram:' || p_chat_id, p_detail => jsonb_build_object('chat_id', p_chat_id));
  end if;
  return public.update_json(v_row) || '{"repeated": false}';
end;
$$;

create or replace function public.replied(p_update_id bigint) returns jsonb
language plpgsql set search_path = '' as $$
begin
  update public.telegram_updates set replied_at = coalesce(replied_at, clock_timestamp()) where update_id = p_update_id;
  return jsonb_build_object('known', found);
end;
$$;

create or replace function public.bot_state(p_chat_id bigint) returns jsonb
language sql stable set search_path = '' as $$
  select state from public.bot_state where chat_id = p_chat_id;
$$;

create or replace function public.last_update_id() returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(max(update_id)) from public.telegram_updates;
$$;

-- Somebody who may not use the bot did: written down once for each update, and nothing else happens.
create or replace function public.refuse_update(
  p_update_id bigint, p_chat_id bigint, p_user_id bigint, p_detail jsonb default '{}'
) returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.telegram_updates (update_id, chat_id, user_id, outcome, replied_at)
  values (p_update_id, p_chat_id, p_user_id, '{"refused": true}', clock_timestamp())
  on conflict do nothing;
  if not found then
    return '{"repeated": true}';
  end if;
  perform public.audit_append('update_refused', 'telegram:' || p_user_id, p_detail => p_detail || jsonb_build_object(
    'update_id', p_update_id, 'chat_id', p_chat_id
  ));
  return '{"repeated": false}';
end;
$$;
