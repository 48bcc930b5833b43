-- Every context of 262,144 bytes of JSON fits: jsonb needs twelve bytes where JSON needs two (`1,`), and never more than
-- six times as much. The rule counts jsonb because that is read, not computed. Design, Adding.
-- The function as migration 1 made it, but for that one number.
create or replace function mrq_rules_hold(q anyelement) returns boolean language plpgsql immutable parallel safe as $$
declare
  broken text := case
    when q.status not in ('pending', 'assigned', 'escalated', 'resolved') then 'status_is_known'
    when q.priority not in ('critical', 'high', 'medium', 'low') then 'priority_is_known'
    when num_nonnulls(q.resource_id, q.resource_key) <> 1 then 'one_resource'
    when btrim(q.reason) = '' then 'reason_is_given'
    when jsonb_typeof(q.context) <> 'object' then 'context_is_an_object'
    when pg_column_size(q.context) > 2097152 or q.context @? 'strict $.**{33}' then 'context_has_a_limit'
    when not (isfinite(q.sla_deadline) and isfinite(q.created_at)
              and q.created_at > '1900-01-01' and q.sla_deadline < '3000-01-01') then 'deadline_is_finite'
    when q.sla_deadline <= q.created_at or q.sla_seconds not between 1 and 40000000000 then 'deadline_after_creation'
    when q.last_occurred_at >= '9000-01-01' or q.last_occurred_at <= '1900-01-01' then 'times_are_readable'
    when q.occurrences < 1 then 'occurs_at_least_once'
    when q.version < 1 then 'version_starts_at_one'
  end;
begin
  if broken is null and (q.status <> 'pending' or q.escalation_level <> 0 or q.position <> 'infinity' or
      num_nonnulls(q.assigned_to, q.assigned_at, q.lease_until, q.resolved_at, q.resolution, q.resolution_metadata,
                   q.escalated_at, q.next_level_at, q.held, q.deferred_until, q.hold_until, q.position_until,
                   q.succeeded_at) > 0) then
    broken := case
      -- No other client may store an instant that a driver cannot read, or that never comes.
      when greatest(q.assigned_at, q.resolved_at, q.escalated_at, q.lease_until, q.deferred_until, q.hold_until,
                    q.next_level_at, q.position_until, q.succeeded_at) >= '9000-01-01'
        or least(q.assigned_at, q.resolved_at, q.escalated_at, q.lease_until, q.deferred_until, q.hold_until,
                 q.next_level_at, q.position_until, q.succeeded_at) <= '1900-01-01' then 'times_are_readable'
      when q.status = 'assigned' and (q.assigned_to is null or btrim(q.assigned_to) = '' or q.assigned_at is null)
        then 'assigned_has_owner'
      when q.status in ('pending', 'escalated') and num_nonnulls(q.assigned_to, q.assigned_at) > 0
        then 'unowned_has_no_owner'
      when q.lease_until is not null and q.status <> 'assigned' then 'lease_needs_owner'
      when (q.status = 'resolved') <> (q.resolved_at is not null) then 'resolved_has_time'
      when q.status <> 'resolved' and num_nonnulls(q.resolution, q.resolution_metadata) > 0
        then 'resolution_when_resolved'
      when jsonb_typeof(q.resolution_metadata) <> 'object' or q.resolution_metadata @? 'strict $.**{33}'
        then 'metadata_is_an_object'
      when q.status = 'escalated' and q.escalated_at is null then 'escalated_has_time'
      when q.status = 'pending' and q.escalated_at is not null then 'pending_was_not_escalated'
      when q.held not in ('deferred', 'approval', 'attempt', 'batch') then 'held_is_known'
      when q.held is not null and not (q.status in ('pending', 'escalated') and q.held in ('deferred', 'batch', 'attempt')
                                       or q.status = 'assigned' and q.held in ('approval', 'attempt', 'batch'))
        then 'held_fits_status'
      when (q.deferred_until is not null) <> (q.held is not distinct from 'deferred') then 'deferred_until_a_time'
      when q.hold_until is not null and coalesce(q.held, 'deferred') = 'deferred' then 'hold_has_an_end'
      when q.escalation_level < 0 then 'level_is_never_negative'
      when q.escalation_level > 0 and q.escalated_at is null then 'breached_has_time'
      when q.position = 'NaN' then 'position_is_a_number'
      when q.position <> 'infinity' and (q.priority = 'critical' or q.escalation_level > 0 or q.position_by is null)
        then 'position_only_on_calm'
    end;
  end if;
  if broken is not null then
    raise exception 'an item must keep the rule %', broken
      using errcode = 'check_violation', table = 'manual_resolution_queue', constraint = broken;
  end if;
  return true;
end $$;
