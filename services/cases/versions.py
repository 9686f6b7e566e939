"""How the rows of a case once were: whatever changes one of them, the same transaction keeps what it left.

SQLAlchemy tells us which rows a session changed; just before the commit each of them is copied as it lies in the
database, all with one time. Statements that change rows past the session (`update(Task)…`) are asked which ones first.
A text of SQL is not seen: casework is written through its models.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, event, null, select, text
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql.dml import Delete, Update

from services.cases.closure_models import Closure, Reopening
from services.cases.models import Assessment, Base, Case, FollowUp, Goal, History, Plan, Step, Task
from services.cases.notes_models import Note, Visit
from services.cases.placement_models import Placement

#: table -> columns that are left out: what is sealed or in words beside the case has a reader of its own
KEPT: dict[type[Base], tuple[str, ...]] = {
    Case: (),
    Assessment: (),
    Plan: (),
    Goal: (),
    Step: (),
    Task: (),
    FollowUp: (),
    Closure: (),
    Reopening: (),
    Placement: (),
    History: (),
    Note: ("text", "sealed"),
    Visit: ("place", "people", "findings"),
}
_CHANGED = "changed rows of cases"

Rows = dict[type[Base], dict[UUID, UUID | None]]


@event.listens_for(Session, "after_flush")
def _remember(session: Session, flushed: Any) -> None:
    """Note which rows were written, and which were removed from which case."""
    for row in (*session.new, *session.dirty):
        if type(row) in KEPT:
            _changed(session).setdefault(type(row), {})[row.id] = None
    for row in session.deleted:
        if type(row) in KEPT:
            _changed(session).setdefault(type(row), {})[row.id] = row.case_id


@event.listens_for(Session, "do_orm_execute")
def _ask_first(asked: ORMExecuteState) -> None:
    """A statement is about to change rows that no session holds: which ones?"""
    model: Any = asked.bind_mapper.class_ if asked.bind_mapper else None
    statement = asked.statement
    if model not in KEPT or not isinstance(statement, (Update, Delete)):
        return
    where = statement.whereclause
    found: Select[Any] = select(model.id, model.case_id if asked.is_delete else null())
    for row_id, case_id in asked.session.execute(found if where is None else found.where(where)):
        _changed(asked.session).setdefault(model, {})[row_id] = case_id


@event.listens_for(Session, "before_commit")
def _keep(session: Session) -> None:
    """Copy the rows that were written, and say which are gone: one statement, one time."""
    if session.in_nested_transaction():  # its end is not yet the commit
        return
    session.flush()
    changed: Rows = session.info.pop(_CHANGED, {})
    if not changed:
        return
    parts, values = [], {}
    for model, rows in changed.items():
        name = model.__tablename__
        gone = {row: case for row, case in rows.items() if case is not None}
        parts += [_copy(model, name), _gone(name)]
        values[f"{name}_ids"] = [row for row in rows if row not in gone]
        values[f"{name}_gone"], values[f"{name}_cases"] = list(gone), list(gone.values())
    session.execute(_insert(parts), values)


def _changed(session: Session) -> Rows:
    rows: Rows = session.info.setdefault(_CHANGED, {})
    return rows


def _insert(parts: list[str]) -> Any:
    return text(
        "WITH stamp AS MATERIALIZED (SELECT clock_timestamp() AS at) "
        f"INSERT INTO versions (case_id, kind, row_id, at, content) {' UNION ALL '.join(parts)}"
    )


def _copy(model: type[Base], name: str) -> str:
    of_case = "id" if model is Case else "case_id"
    without = "".join(f" - '{column}'" for column in KEPT[model])
    return (
        f"SELECT {of_case}, '{name}', id, stamp.at, to_jsonb({name}){without} FROM {name}, stamp "
        f"WHERE id = ANY(CAST(:{name}_ids AS uuid[])) AND {of_case} IS NOT NULL"
    )


def _gone(name: str) -> str:
    return (
        f"SELECT one.case_id, '{name}', one.id, stamp.at, NULL::jsonb FROM stamp, "
        f"unnest(CAST(:{name}_gone AS uuid[]), CAST(:{name}_cases AS uuid[])) AS one (id, case_id)"
    )
