-- Who may use the bot, and invitations to it. Who is which interviewer is in interviewers.sql.

create or replace function public.role_of(p_user_id bigint) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('role', role) from public.bot_people where user_id = p_user_id;
$$;

create or replace function public.bot_people() returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(p) order by p.added_at, p.user_id), '[]') from public.bot_people p;
$$;

-- Lets somebody in with a role, or (without one) out.
create or replace function public.set_role(p_user_id bigint, p_role text, p_name text, p_actor text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_before constant text := (select role from public.bot_people where user_id = p_user_id for update);
begin
  if v_before is not distinct from p_role then
    return '{"changed": false}';
  end if;
  if p_role is null then
    delete from public.bot_people where user_id = p_user_id;
    delete from public.unreachable_chats where chat_id = p_user_id;
  else
    insert into public.bot_people (user_id, role, name, added_by) values (p_user_id, p_role, coalesce(p_name, ''), p_actor)
    on conflict (user_id) do update set role = excluded.role, added_by = excluded.added_by;
  end if;
  perform public.audit_append('role_changed', p_actor, p_detail => jsonb_build_object(
    'user_id', p_user_id, 'before', v_before, 'after', p_role
  ));
  return '{"changed": true}';
end;
$$;

drop function if exists public.invite(text, text, text);
drop function if exists public.join_by_code(text, bigint, text);

-- A one-time code, for a role or for being an interviewer in the chat.
create or replace function public.invite(p_code_hash text, p_role text, p_actor text, p_interviewer text default null) returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.bot_invitations (code_hash, role, interviewer, invited_by)
  values (p_code_hash, p_role, p_interviewer, p_actor) on conflict do nothing;
  if found then
    perform public.audit_append('invited', p_actor, p_detail => jsonb_strip_nulls(jsonb_build_object(
      'role', p_role, 'interviewer', p_interviewer
    )));
  end if;
  return jsonb_build_object('changed', found);
end;
$$;

-- What a code is good for now: a role or an interviewer; null when for nothing.
create or replace function public.invitation(p_code_hash text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('role', role, 'interviewer', interviewer) from public.bot_invitations
  where code_hash = p_code_hash and used_by is null and expires_at > clock_timestamp();
$$;

-- Uses an invitation: whoever has the code becomes what it is for, once.
create or replace function public.join_by_code(p_code_hash text, p_user_id bigint, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_invitation public.bot_invitations;
begin
  update public.bot_invitations set used_by = p_user_id
  where code_hash = p_code_hash and used_by is null and expires_at > clock_timestamp() returning * into v_invitation;
  if not found then
    raise sqlstate 'MS002' using message = 'there is no such invitation (any more)';
  end if;
  if v_invitation.interviewer is not null then
    return public.link_interviewer(v_invitation.interviewer, p_user_id, p_name, v_invitation.invited_by);
  end if;
  return public.set_role(p_user_id, v_invitation.role, p_name, v_invitation.invited_by);
end;
$$;

-- Somebody cannot be written to: noted, audited and told to the admins once, until they write again. Gives their name, or the id.
create or replace function public.note_unreachable(p_chat_id bigint, p_reason text) returns jsonb
language plpgsql set search_path = '' set timezone = 'UTC' as $$
declare
  v_name constant text := coalesce(
    (select nullif(name, '') from public.bot_people where user_id = p_chat_id),
    (select nullif(name, '') from public.interviewer_chats where user_id = p_chat_id), p_chat_id::text
  );
  v_since timestamptz;
begin
  insert into public.unreachable_chats (chat_id, reason) values (p_chat_id, p_reason)
  on conflict do nothing returning since into v_since;
  if v_since is not null then
    perform public.add_notices(null, jsonb_build_array(jsonb_build_object(
      'key', format('unreachable:%s:%s', p_chat_id, v_since), 'channel', 'telegram', 'recipient', 'admins', 'kind', 'unreachable',
      'payload', jsonb_build_object('name', v_name, 'reason', p_reason)
    )));
    perform public.audit_append('unreachable', 'database', p_detail => jsonb_build_object('chat_id', p_chat_id, 'reason', p_reason));
  end if;
  return jsonb_build_object('changed', v_since is not null, 'name', v_name);
end;
$$;

drop function if exists public.note_reachable(bigint);

create or replace function public.unreachable_chats() returns jsonb
language sql stable set search_path = '' set timezone = 'UTC' as $$
  select coalesce(jsonb_agg(to_jsonb(u) order by u.since, u.chat_id), '[]') from public.unreachable_chats u;
$$;

-- What somebody is called now.
create or replace function public.know_name(p_user_id bigint, p_name text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  insert into public.bot_names (user_id, name) values (p_user_id, p_name)
  on conflict (user_id) do update set name = excluded.name where bot_names.name <> excluded.name;
  return jsonb_build_object('changed', found);
end;
$$;

create or replace function public.known_names() returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(user_id, name), '{}') from public.bot_names;
$$;
