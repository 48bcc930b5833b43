-- Every context of 262,144 bytes of JSON fits: jsonb needs twelve bytes where JSON needs two (`1,`), and never more than
-- six times as much. The rule counts jsonb because that is read, not computed. Design, Adding.
do $$
declare
  source text := pg_get_functiondef('mrq_rules_hold(anyelement)'::regprocedure);
begin
  if source not like '%pg_column_size(q.context) > 1048576 %' then
    raise exception 'mrq_rules_hold is not as migration 1 made it';
  end if;
  execute replace(source, 'pg_column_size(q.context) > 1048576 ', 'pg_column_size(q.context) > 2097152 ');
end $$;
