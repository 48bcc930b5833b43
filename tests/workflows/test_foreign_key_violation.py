"""`foreign_key_violation` against a real database: its catalog says who refers to what."""

from typing import Any

import pytest

from manual_resolution import Actor, Changed, NotPossible, WaitsForApproval

QUIZ, PLAN = 67105, 11991
KEPT = {
    "referencing_table": "meal_plans",
    "constraint": "meal_plans_quiz_response_id_fkey",
    "detail": 'Key (id)=(67105) is still referenced from table "meal_plans".',
}


@pytest.fixture
def blocked(app: Any) -> int:
    """The item of a quiz response that a meal plan still refers to."""
    app.insert("quiz_responses", id=QUIZ, user_id=871)
    app.insert("quiz_responses", id=QUIZ + 1, user_id=871)
    app.insert("meal_plans", id=PLAN, user_id=871, quiz_response_id=QUIZ)
    app.insert("meal_plans", id=PLAN + 1, user_id=871, quiz_response_id=QUIZ + 1)
    return violation(app)


def violation(app: Any, kind: str = "quiz_response", number: int | None = QUIZ, **facts: Any) -> int:
    facts = {"context": KEPT} | facts
    context = facts.pop("context")
    return int(app.claimed("foreign_key_violation", kind, number, "medium", "still referred to", context, **facts))


def free(app: Any) -> None:
    app.db.execute("update meal_plans set quiz_response_id = null where id = %s", [PLAN])


def touched(plan: Any) -> set[tuple[str, int]]:
    return {(touch.table, touch.key) for touch in plan.touches}


def check(app: Any, item: int, key: str) -> tuple[str, str]:
    answer = app.queue.examine(item).answers[key]
    return answer.verdict, answer.sentence


# ------------------------------------------------------------------ each option, once


def test_detach_and_delete_touches_exactly_its_plan(app: Any, blocked: int, changed: Any) -> None:
    """What refers to the row is set to null, the row is deleted, nothing else changes, and the record says how many."""
    before, plan = app.rows(), app.queue.plan(blocked, "detach_and_delete", {})
    item, result = app.decide_by_two(blocked, "detach_and_delete")
    assert plan.lines() == ["set quiz_response_id = NULL: meal_plans #11991", "delete: quiz_responses #67105"]
    assert changed(before, app.rows()) == {("quiz_responses", QUIZ), ("meal_plans", PLAN)} == touched(plan)
    assert app.rows()["meal_plans", PLAN] == before["meal_plans", PLAN] | {"quiz_response_id": None}
    assert (item.status, item.resolution) == (
        "resolved",
        "Deleted quiz_response #67105, detached 1 row that referred to it",
    )
    assert result == "Deleted quiz_response #67105 (1 row of meal_plans detached, 1 row of quiz_responses deleted)"


def test_retry_deletes_what_nothing_refers_to_any_more(app: Any, blocked: int, changed: Any) -> None:
    """Once the reference is gone, the deletion is retried: that row, and nothing else."""
    free(app)
    before, plan = app.rows(), app.queue.plan(blocked, "retry", {})
    item, result = app.decide(blocked, "retry")
    assert changed(before, app.rows()) == {("quiz_responses", QUIZ)} == touched(plan)
    assert item.resolution == "Deleted quiz_response #67105; nothing forbade it any more"
    assert result == "Deleted quiz_response #67105 (1 row of quiz_responses deleted)"


def test_defer_and_escalate_leave_the_application_alone(app: Any, blocked: int, changed: Any) -> None:
    """The generic options stand behind the type's own and change nothing of the application's."""
    before = app.rows()
    assert [offer.option.key for offer in app.queue.examine(blocked).offers] == [
        "retry",
        "detach_and_delete",
        "escalate",
        "defer",
    ]
    assert app.decide(blocked, "defer")[0].held == "deferred"
    assert app.decide(blocked, "escalate")[0].status == "escalated"
    assert changed(before, app.rows()) == set()


# ------------------------------------------------------------------ who refers to it


def test_the_check_says_who_refers_and_how_many(app: Any, blocked: int) -> None:
    """Every table of the catalog counts, the workflow knows none of them beforehand."""
    app.db.execute("create table reviews (id int primary key, quiz bigint references quiz_responses)")
    app.db.execute("insert into reviews select n, %s from generate_series(1, 5) n", [QUIZ])
    assert check(app, blocked, "nothing_forbids") == (
        "fail",
        "6 rows refer to quiz_responses #67105: meal_plans #11991 (by quiz_response_id); "
        "reviews #1, #2, #3 and 2 more (by quiz)",
    )
    columns = "meal_plans.quiz_response_id and reviews.quiz can be set to null"
    assert check(app, blocked, "can_be_detached") == ("pass", columns)
    app.decide_by_two(blocked, "detach_and_delete")
    assert app.db.execute("select count(*) n from reviews where quiz is null").fetchone() == {"n": 5}


def test_retry_is_not_possible_while_something_refers(app: Any, blocked: int) -> None:
    """What PostgreSQL would refuse is not offered; nothing is done."""
    with pytest.raises(NotPossible, match=r"1 row refers to quiz_responses #67105: meal_plans #11991 "):
        app.decide(blocked, "retry")
    assert ("quiz_responses", QUIZ) in app.rows()


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("create table odd (id int primary key, quiz bigint not null references quiz_responses)", "odd.quiz may not"),
        ("create table odd (quiz bigint references quiz_responses)", "odd has no primary key"),
        (
            """alter table quiz_responses add unique (id, user_id);
               create table odd (id int primary key, quiz bigint, owner bigint,
                                 foreign key (quiz, owner) references quiz_responses (id, user_id))""",
            "odd refers by several columns (quiz, owner), which belong together",
        ),
    ],
    ids=["not null", "no primary key", "several columns"],
)
def test_what_cannot_be_detached_is_left_to_somebody_else(app: Any, blocked: int, table: str, why: str) -> None:
    """A reference that cannot be taken off alone is named, escalating is recommended, nothing is done."""
    app.db.execute(table)
    columns = [column for column in ("id", "quiz", "owner") if f"{column} " in table.partition("odd (")[2]]
    row = {"id": 1, "quiz": QUIZ, "owner": 871}
    names = ", ".join(columns)
    app.db.execute(f"insert into odd ({names}) values ({', '.join(str(row[name]) for name in columns)})")  # noqa: S608
    before = app.rows()
    assert why in app.refusal(blocked, "detach_and_delete")
    assert app.queue.examine(blocked).recommendation.option == "escalate"
    assert app.rows() == before


def test_more_rows_than_a_person_looks_through_are_no_case_for_one(app: Any, blocked: int) -> None:
    """50 references can be detached, 51 cannot; the sentence says so."""
    app.db.execute("create table reviews (id int primary key, quiz bigint references quiz_responses)")
    app.db.execute("insert into reviews select n, %s from generate_series(1, 49) n", [QUIZ])
    assert check(app, blocked, "can_be_detached")[0] == "pass"
    app.db.execute("insert into reviews values (50, %s)", [QUIZ])
    assert check(app, blocked, "nothing_forbids")[1].startswith("More than 50 rows refer to quiz_responses #67105: ")
    assert "more than 50 rows refer to quiz_responses #67105" in app.refusal(blocked, "detach_and_delete")


def test_what_goes_with_the_row_is_told_and_planned(app: Any, blocked: int, connect: Any) -> None:
    """Rows of `on delete cascade`, however deep, and of `set null` are planned; a reference to one of them blocks."""
    app.db.execute(
        """create table answers (id int primary key, quiz bigint not null references quiz_responses on delete cascade);
           create table "Odd ""notes" ("i d" int primary key, answer int references answers);
           create table marks (id int primary key, quiz bigint references quiz_responses on delete set null);
           insert into answers values (1, 67105), (2, 67106); insert into marks values (7, 67105);
           insert into "Odd ""notes" values (9, 1)"""
    )
    assert app.queue.plan(blocked, "detach_and_delete", {}).lines() == [
        "set quiz_response_id = NULL: meal_plans #11991",
        'set answer = NULL: "Odd ""notes" #9',
        "detach quiz (on delete set null): marks #7",
        "delete with it (on delete cascade): answers #1",
        "delete: quiz_responses #67105",
    ]
    app.decide_by_two(blocked, "detach_and_delete")
    left = """select (select array_agg(id) from answers) a, (select quiz from marks) m,
                     (select answer from "Odd ""notes") n"""
    assert app.db.execute(left).fetchone() == {"a": [2], "m": None, "n": None}


def test_a_tree_goes_from_its_root(app: Any) -> None:
    """Rows that refer to themselves, in a ring or up a tree end the search; what refers and goes is detached first."""
    app.db.execute(
        """create table folder (id int primary key, parent int references folder,
                                top int references folder on delete cascade);
           insert into folder values (1, 1, null), (2, 1, 1), (3, null, 2);
           update folder set top = 3 where id = 1"""
    )
    item = violation(app, "folder", 1)
    assert "1 row refers to folder #1: folder #2 (by parent)" in app.refusal(item, "retry")
    assert app.queue.plan(item, "detach_and_delete", {}).lines() == [
        "set parent = NULL: folder #2",
        "delete with it (on delete cascade): folder #2",
        "delete with it (on delete cascade): folder #3",
        "delete: folder #1",
    ]
    app.decide_by_two(item, "detach_and_delete")
    assert app.db.execute("select count(*) n from folder").fetchone() == {"n": 0}


def test_every_form_of_reference_is_found(app: Any, blocked: int) -> None:
    """Partitions, a unique column instead of the key, a default instead of null: each is found and touched once."""
    app.db.execute(
        """alter table quiz_responses add code text unique; update quiz_responses set code = id::text;
           create table parts (day int, id int, quiz bigint references quiz_responses, primary key (day, id))
               partition by list (day);
           create table parts_1 partition of parts for values in (1);
           create table parts_2 partition of parts for values in (2);
           create table alone (id int, day int not null, quiz bigint references quiz_responses, primary key (day, id));
           alter table parts attach partition alone for values in (3);
           create table codes (id int primary key, code text references quiz_responses (code));
           create table spare (id int primary key, quiz bigint default 67106 references quiz_responses
                               on delete set default);
           insert into parts values (1, 1, 67105), (2, 1, 67105), (3, 1, 67105), (1, 2, 67106);
           insert into codes values (1, '67105'), (2, '67106'); insert into spare values (1, 67105)"""
    )
    lines = app.queue.plan(blocked, "detach_and_delete", {}).lines()
    assert sorted(lines) == [
        "delete: quiz_responses #67105",
        "detach quiz (on delete set default): spare #1",
        "set code = NULL: codes #1",
        "set quiz = NULL: parts #1, 1",
        "set quiz = NULL: parts #2, 1",
        "set quiz = NULL: parts #3, 1",
        "set quiz_response_id = NULL: meal_plans #11991",
    ]
    app.decide_by_two(blocked, "detach_and_delete")
    left = """select (select array_agg(day order by day) from parts where quiz is null) parts,
                     (select array_agg(id) from codes where code is null) codes, (select quiz from spare) spare"""
    assert app.db.execute(left).fetchone() == {"parts": [1, 2, 3], "codes": [1], "spare": 67106}


# ------------------------------------------------------------------ what changes between look and decision


def test_a_reference_that_came_after_looking_stops_the_decision(app: Any, blocked: int) -> None:
    """A decision is bound to the rows that were seen: one more is told, and nothing is done."""
    seen = app.queue.examine(blocked).seen("detach_and_delete", app.queue.plan(blocked, "detach_and_delete", {}))
    app.insert("meal_plans", id=PLAN + 2, user_id=871, quiz_response_id=QUIZ)
    before = app.rows()
    with pytest.raises(Changed, match=r"2 rows refer to quiz_responses #67105: meal_plans #11991, #11993 "):
        app.queue.resolve(blocked, "detach_and_delete", "tested", "alice", seen=seen)
    assert app.rows() == before


def test_one_person_alone_detaches_nothing(app: Any, blocked: int) -> None:
    """The proposal waits, with its plan; nothing is touched until somebody else approves."""
    before = app.rows()
    with pytest.raises(WaitsForApproval):
        app.decide(blocked, "detach_and_delete")
    assert app.rows() == before and app.queue.get(blocked).held == "approval"


def test_a_reference_that_came_after_proposing_voids_the_proposal(app: Any, blocked: int) -> None:
    """What is approved is what was proposed: another reference meanwhile ends it, and nothing is done."""
    with pytest.raises(WaitsForApproval):
        app.decide(blocked, "detach_and_delete")
    app.insert("meal_plans", id=PLAN + 2, user_id=871, quiz_response_id=QUIZ)
    before = app.rows()
    with pytest.raises(Changed, match="2 rows refer to quiz_responses #67105: meal_plans #11991, #11993 "):
        app.queue.approve(blocked, Actor("bob", via="test:bob"))
    assert app.rows() == before and app.queue.get(blocked).held is None


def test_a_row_gone_since_looking_stops_the_decision(app: Any, blocked: int) -> None:
    """What was deleted by somebody else meanwhile is told."""
    seen = app.queue.examine(blocked).seen("detach_and_delete")
    free(app)
    app.db.execute("delete from quiz_responses where id = %s", [QUIZ])
    with pytest.raises(Changed, match="quiz_response #67105 is gone already"):
        app.queue.resolve(blocked, "detach_and_delete", "tested", "alice", seen=seen)


def test_no_reference_can_come_while_it_is_carried_out(app: Any, blocked: int, connect: Any) -> None:
    """From the last look on the row is locked: who would refer to it waits, and is refused by PostgreSQL."""
    refused: list[str] = []
    waiting = connect(options="-c lock_timeout=50ms")

    def refer(step: str) -> None:
        if step == "before_commit":
            with pytest.raises(Exception, match="lock timeout"):
                waiting.execute("insert into meal_plans (id, user_id, quiz_response_id) values (1, 871, %s)", [QUIZ])
            refused.append(step)

    free(app)
    app.queue.execution.step = refer
    app.decide(blocked, "retry")
    assert refused == ["before_commit"]


def test_a_row_that_is_gone_is_put_on_record(app: Any, blocked: int, changed: Any) -> None:
    """Gone is what was wanted: retry resolves without touching anything, and is recommended."""
    free(app)
    app.db.execute("delete from quiz_responses where id = %s", [QUIZ])
    before, case = app.rows(), app.queue.examine(blocked)
    assert (case.recommendation.option, case.offer("detach_and_delete").because) == (
        "retry",
        "quiz_response #67105 is gone already",
    )
    assert app.decide(blocked, "retry")[0].resolution == "quiz_response #67105 was gone already; nothing was done"
    assert changed(before, app.rows()) == set()


def test_a_free_row_is_recommended_for_deletion(app: Any, blocked: int) -> None:
    """Nothing is recommended while something refers to it; once free, retry."""
    assert app.queue.examine(blocked).recommendation is None
    free(app)
    assert app.queue.examine(blocked).recommendation.option == "retry"


def test_a_deferred_foreign_key_is_asked_before_the_commit(app: Any, blocked: int) -> None:
    """A constraint that would fail at the commit only is no surprise: it is found, planned and detached."""
    app.db.execute("create table late (id int primary key, quiz bigint references quiz_responses initially deferred)")
    app.db.execute("insert into late values (1, %s)", [QUIZ])
    app.decide_by_two(blocked, "detach_and_delete")
    assert app.db.execute("select quiz from late").fetchone() == {"quiz": None}


def test_a_trigger_that_keeps_the_row_undoes_all(app: Any, blocked: int) -> None:
    """Where the host's own rule keeps the row, nothing was detached either."""
    app.db.execute(
        """create function keep() returns trigger language plpgsql as 'begin return null; end';
           create trigger keep before delete on quiz_responses for each row execute function keep()"""
    )
    before = app.rows()
    with pytest.raises(NotPossible, match="quiz_response #67105 could not be changed"):
        app.decide_by_two(blocked, "detach_and_delete")
    assert app.rows() == before


# ------------------------------------------------------------------ keys and names


def test_a_text_key_and_a_table_of_another_schema(app: Any) -> None:
    """A resource without a number is found by its key; a schema may be named."""
    app.db.execute(
        """create schema shop;
           create table shop.parcels (code text primary key);
           create table shop.scans (id int primary key, parcel text references shop.parcels);
           insert into shop.parcels values ('RX''1; --'); insert into shop.scans values (1, 'RX''1; --')"""
    )
    item = violation(app, "shop.parcels", None, resource_key="RX'1; --")
    assert app.queue.plan(item, "detach_and_delete", {}).lines() == [
        "set parcel = NULL: shop.scans #1",
        "delete: shop.parcels #RX'1; --",
    ]
    app.decide_by_two(item, "detach_and_delete")
    assert app.db.execute("select (select count(*) from shop.parcels) n, parcel from shop.scans").fetchone() == {
        "n": 0,
        "parcel": None,
    }


def options_of(app: Any, kind: str, number: int | None = None, key: str | None = None) -> tuple[list[str], Any]:
    """The options that are possible for an item about this thing, and what is said of the row."""
    thing = kind, number, "medium", "still referred to", KEPT
    added = app.queue.add("foreign_key_violation", *thing, resource_key=key)
    case = app.queue.examine(added.id)
    return [offer.option.key for offer in case.offers if offer.because is None], case.answers["still_there"]


def test_what_is_no_table_of_the_host_is_never_touched(app: Any) -> None:
    """The queue's own tables, PostgreSQL's, views and names of nothing: no option but escalate and defer."""
    app.db.execute("create view v as select * from users")
    app.queue.add("a", "b", 1, "low", "a row to aim at")
    for name in ("manual_resolution_queue", "public.mrq_event", "mrq_event", "mrq_setting", "v", "nothing"):
        options, answer = options_of(app, name, 1)
        assert options == ["escalate", "defer"] and "There is no table named" in answer.sentence, name
    for name in ("pg_class", "pg_catalog.pg_class", "information_schema.sql_features"):
        assert options_of(app, name, 1)[0] == ["escalate", "defer"], name


def test_a_key_that_fits_no_primary_key_is_told(app: Any) -> None:
    """A key of another type, or a table whose key has several columns: not known, nothing possible, no crash."""
    app.db.execute("create table pairs (a int, b int, primary key (a, b))")
    for kind, key in (("user", "x"), ("user", "1 or 1=1"), ("user", "9" * 30), ("pair", "1")):
        options, answer = options_of(app, kind, key=key)
        assert (options, answer.verdict) == (["escalate", "defer"], "unknown")


@pytest.mark.parametrize(
    "context",
    [
        None,
        {"referencing_table": 7, "constraint": ["x"], "detail": {"a": 1}},
        {"referencing_table": 'users"; drop table users', "constraint": "users_pkey", "table": "users", "id": 871},
    ],
    ids=["none", "other types", "lying"],
)
def test_the_context_decides_nothing(app: Any, changed: Any, context: Any) -> None:
    """Whatever a producer recorded, the plan is the resource's and the catalog's."""
    app.insert("quiz_responses", id=QUIZ)
    app.insert("meal_plans", id=PLAN, user_id=871, quiz_response_id=QUIZ)
    item, before = violation(app, context=context), app.rows()
    app.decide_by_two(item, "detach_and_delete")
    assert changed(before, app.rows()) == {("quiz_responses", QUIZ), ("meal_plans", PLAN)}
