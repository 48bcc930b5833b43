-- Requests made under an Idempotency-Key: each is carried out once, and its answer is kept for a day.

create table mrq_request (
  caller   text        not null,           -- whose key it is: nobody meets another's
  key      text        not null,
  asked    bytea       not null,           -- hash of what was asked: method, path, condition, body
  begun_at timestamptz not null default mrq_now(),
  until    timestamptz not null,           -- without an answer: who carried it out has died; with one: it is forgotten
  status   smallint,
  headers  jsonb,
  body     text,
  primary key (caller, key),
  constraint request_is_answered_or_not check ((status is null) = (body is null) and (status is null) = (headers is null))
);
create index mrq_request_until on mrq_request (until);
