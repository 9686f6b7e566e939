"""What cases tells about tasks: something that somebody must do, mostly by a date. A task is a thing of its own."""

from datetime import date

from sinergi.events.event import Event


class TaskFact(Event):
    """What every fact about a task tells. `case_id` None: a task of the office, e.g. decided in a meeting."""

    task_id: str
    case_id: str | None = None
    agency: str
    area: str
    worker: str
    kind: str
    due_on: date | None = None


class TaskOpened(TaskFact):
    """Somebody has something to do."""

    name = "task.opened.v1"


class TaskReassigned(TaskFact):
    """Somebody else has to do it now."""

    name = "task.reassigned.v1"
    previous_worker: str
    #: it went along with its case: whoever heard of the case need not hear of the task
    with_case: bool = False


class TaskDone(TaskFact):
    """It was done, or is not needed any more."""

    name = "task.done.v1"
    done_by: str


class TaskOverdue(TaskFact):
    """Its date has passed and it is not done."""

    name = "task.overdue.v1"
