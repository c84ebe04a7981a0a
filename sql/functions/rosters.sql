-- Lists of candidates, such as a file that an admin has sent.

-- Enqueues all: [{request, key}]. Those that are there already, or stand twice in the list, are counted and change nothing.
create or replace function public.enqueue_all(
  p_rows jsonb, p_source text, p_actor text, p_chat_id bigint default null, p_lane text default 'main'
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_one jsonb;
  v_created integer := 0;
  v_there jsonb := '[]';
begin
  for v_one in select r from jsonb_array_elements(p_rows) with ordinality as rows (r, place) order by place loop
    if (public.enqueue(v_one -> 'request', v_one ->> 'key', p_source, p_actor, p_chat_id, p_lane) -> 'created')::boolean then
      v_created := v_created + 1;
    else
      v_there := v_there || jsonb_build_array(v_one -> 'request' -> 'name');
    end if;
  end loop;
  return jsonb_build_object('created', v_created, 'there', v_there, 'paused', public.lane_pause(p_lane) is not null);
end;
$$;
