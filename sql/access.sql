-- Who may do what. Applied after everything else, whenever anything has changed.
--
-- Row-level security is on for every table and there is no policy, so that the roles of a public key (anon, authenticated) see
-- nothing; they may not call the functions either. The service role may call them and touch what they need. Where these roles do not
-- exist, on a Postgres that is not Supabase's, the owner of the tables is the only one who gets in.

do $$
declare
  v_tables constant text[] := array[
    'schema_migrations', 'lanes', 'candidates', 'interviews', 'holds', 'calendar_writes', 'scheduling_audit', 'escalations',
    'notices', 'bot_state', 'telegram_updates', 'sop_versions', 'sop_activations',
    'bot_people', 'bot_invitations', 'bot_names', 'unreachable_chats', 'interviewer_chats', 'interview_answers', 'announcements',
    'connections', 'calendar_statistics', 'statistics_reports', 'watches', 'pushed_events',
    'button_tokens', 'interviewer_blocks', 'duties'
  ];
  v_views constant text[] := array['queue_now', 'agenda', 'open_escalations', 'interviewer_load'];
  v_functions constant text[] := array[
    'is_deed', 'is_moot', 'last_deed', 'deed_row', 'deed', 'take_back', 'undo_step', 'recall_notices', 'reopen_candidate',
    'reopen_escalation', 'withdraw_replan', 'places_json', 'match_json', 'otherwise',
    'audit_hash', 'audit_append', 'record_audit', 'audit_trail', 'verify_audit', 'refuse_audit_change',
    'candidate_json', 'queue_position', 'enqueued', 'enqueue', 'lock_fenced', 'lock_candidate', 'worker_of', 'wrong_state',
    'enqueue_all', 'numbers_since',
    'role_of', 'bot_people', 'set_role', 'invite', 'invitation', 'join_by_code',
    'interviewer_of', 'linked_interviewers', 'link_interviewer', 'unlink_interviewer', 'interviewer_news', 'tell_interviewers',
    'to_remind', 'is_stale', 'answers_json', 'forget_answers', 'let_back', 'lock_own', 'answer_interview',
    'know_name', 'known_names',
    'note_unreachable', 'unreachable_chats',
    'lock_next', 'claim', 'set_aside', 'heartbeat', 'release', 'requeue', 'cancel_candidate',
    'interview_json', 'interviews_json', 'write_json', 'writes_json', 'booked_between', 'lock_people', 'take_times', 'reserve',
    'seated', 'add_interviews', 'holds_of', 'add_holds',
    'lock_write', 'write_done', 'write_failed', 'undo_booking', 'settle',
    'open_escalation', 'close_escalations', 'escalation_json', 'escalate', 'resolve_escalation', 'add_notices', 'tell', 'claim_notices',
    'notice_sent', 'notice_failed',
    'unanswered', 'question_notice', 'hand_on', 'tell_all', 'next_holder', 'put_off', 'hand_to',
    'retry_waiting', 'calendar_failed', 'calendar_works', 'calendars_seen', 'park', 'check_again',
    'update_json', 'run_command', 'bot_turn', 'replied', 'bot_state', 'last_update_id', 'refuse_update',
    'active_sop', 'activate_sop', 'sop_history',
    'save_connection', 'connection', 'add_statistics', 'statistics_since', 'database_time',
    'joined', 'without', 'joined_replan', 'excepted', 'requested', 'ask_replan', 'close_questions', 'close_plan_questions',
    'retake_times', 'rebook', 'put_back', 'unreserve', 'stand',
    'move_interview', 'chosen_interview', 'follow_anyway', 'restore_event', 'do_option', 'lock_question', 'answer_with', 'take_option', 'take_other',
    'watch_state', 'is_asked', 'watched', 'save_watch', 'lock_watched', 'note_seen', 'event_seen', 'follow_move', 'event_deleted',
    'interviewer_declined', 'ask_about', 'ask_once', 'write_overruled', 'was_recorded',
    'pushed_json', 'push_begin', 'push_done', 'interview_to_push',
    'ended_interviews', 'finished_candidates', 'finish_interviews', 'duty_done_at', 'duty_done', 'health',
    'prune',
    'add_buttons', 'place_card', 'button_action', 'use_button', 'desk_turn', 'desk_command', 'take_shown', 'blocked_by',
    'block_interviewer', 'unblock_interviewer', 'blocks_between', 'pause_lane', 'lane_pause',
    'schema_state', 'queue_now', 'queue_counts', 'find_candidates', 'show_candidate', 'open_candidates', 'agenda', 'open_escalations',
    'interviewer_load', 'next_interviews'
  ];
  v_closed constant text := (
    select 'public' || coalesce(string_agg(', ' || rolname, ''), '') from pg_roles where rolname in ('anon', 'authenticated')
  );
  v_service constant boolean := exists (select from pg_roles where rolname = 'service_role');
  v_name text;
begin
  foreach v_name in array v_tables loop
    execute format('alter table public.%I enable row level security', v_name);
  end loop;
  foreach v_name in array v_tables || v_views loop
    execute format('revoke all on public.%I from %s', v_name, v_closed);
    if v_service then
      execute format('revoke all on public.%I from service_role', v_name);
      execute format('grant select, insert, update on public.%I to service_role', v_name);
    end if;
  end loop;
  for v_name in
    select p.oid::regprocedure from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname = any (v_functions)
  loop
    execute format('revoke execute on function %s from %s', v_name, v_closed);
    if v_service then
      execute format('grant execute on function %s to service_role', v_name);
    end if;
  end loop;
  if v_service then
    grant delete on public.bot_people, public.bot_invitations, public.unreachable_chats, public.interviewer_chats,
      public.interview_answers, public.announcements, public.bot_state, public.button_tokens, public.interviewer_blocks,
      public.statistics_reports, public.telegram_updates, public.notices, public.calendar_statistics to service_role;
    revoke insert, update on public.schema_migrations, public.queue_now, public.agenda, public.open_escalations,
      public.interviewer_load from service_role;
    revoke update on public.scheduling_audit, public.sop_versions, public.sop_activations from service_role;
  end if;
end;
$$;
