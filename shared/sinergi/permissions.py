"""Who may do what: the one table. What is not in it, nobody may do.

Roles are held for an agency and an area (a wilayah code and all below it). This table says which roles may try; the
command itself then compares the row's agency and area with the actor's (`Actor.within`). A test compares the table
with every command, query and route in the code, both ways.
"""

from enum import StrEnum


class Role(StrEnum):
    """The roles of DOMAIN.md that act in the first loop."""

    OPERATOR = "operator"  # data operator at Dinsos: lists, imports, contacts, directory
    SOCIAL_WORKER = "social_worker"  # pekerja sosial
    SUPERVISOR = "supervisor"  # approves plan and closure
    DESK_OFFICER = "desk_officer"  # answers for a desk of an agency (OPD)
    VOLUNTEER = "volunteer"  # pilar sosial: sees task cards, never a record
    AUDITOR = "auditor"  # reads the trails, changes nothing
    FACILITY_OFFICER = "facility_officer"  # petugas panti: beds, and who lives in them
    AGENCY = "agency"  # an agency's own system, known by its NATS account
    SERVICE = "service"  # one of our services, acting on an event


O, W, S, D, A, G, C = (  # noqa: E741
    Role.OPERATOR,
    Role.SOCIAL_WORKER,
    Role.SUPERVISOR,
    Role.DESK_OFFICER,
    Role.AUDITOR,
    Role.AGENCY,
    Role.SERVICE,
)

F = Role.FACILITY_OFFICER

PERMISSIONS: dict[str, frozenset[Role]] = {
    action: frozenset(roles)
    for action, roles in {
        # registry: area = the person's kelurahan
        "import.start": {O},
        "import.read": {O, A},
        "import.correct": {O},
        "source.read": {O, A},
        "source.write": {O},
        "person.search": {O, W, S},
        "person.read": {O, W, S},
        "person.disclose": {C},
        "person.facts": {C},
        "group.form": {O, W},
        "group.read": {O, W, S},
        "group.change": {O, W},
        "group.limits": {O},
        "person.register": {O, W},
        "person.bind": {O, W},
        "person.record_death": {O, W},
        "person.undo_death": {O},
        "person.move": {O, W},
        "household.read": {O, W, S},
        "household.change": {O},
        "request.propose": {O, W, S},
        "request.object": {O, W, S},
        "request.read": {O, W, S},
        "request.decide": {O, S},
        "request.tiers": {O},
        "review.read": {O, S},
        "verdict.read": {O, S, A},
        "verdict.judge": {O, S},
        "verdict.undo": {O, S},
        "record.detach": {O, S},
        "category.list": {O, W, S, D, A},
        "need.read": {O, W, S},
        "need.write": {O, W},
        "desil.read": {O, W, S},
        "disability.read": {O, W, S},
        "disability.write": {O, W},
        "programme.list": {O, W, S, A},
        "aid.read": {O, W, S},
        "aid.write": {O},
        "aid.graduates": {O, S},
        "organisation.read": {O, W, S, D, A},
        "organisation.write": {O},
        "area.read": {O, W, S, A},
        "area.recount": {O},
        "quality.read": {O, S, A},
        "quality.list": {O, S},
        "export.start": {O},
        "export.read": {O, A},
        "export.download": {O},
        "export.trail": {A},
        "registry.audit": {A},
        # cases: agency = the office that holds the case
        "case.open": {W},
        "case.read": {W, S},
        "case.assess": {W},
        "assessment.draft": {W},
        "assessment.read": {W, S},
        "instrument.read": {O, W, S, A},
        "case.plan": {W},
        "case.submit_plan": {W},
        "case.approve_plan": {S},
        "case.return_plan": {S},
        "case.resend": {W},
        "case.follow_referral": {C},
        "case.request_closure": {W},
        "case.close": {S},
        # cases, closure: as for the case; a year is its worker's own, and the office's supervisors'
        "case.return_closure": {S},
        "case.follow_up": {W},
        "case.request_reopening": {W},
        "case.decide_reopening": {S},
        "case.read_year": {W, S},
        # plans: a supervisor never approves what is their own, unless a role held the last of these: none does
        "case.revise_plan": {W},
        "case.review_plan": {W},
        "case.finish_step": {W},
        "case.fail_step": {W},
        "case.drop_step": {W},
        "case.judge_goal": {W},
        "case.revert_stage": {W},
        "case.follow_visit": {C},
        "case.follow_placement": {C},
        "case.follow_pathway": {C},
        "plan.queue": {S},
        "case.approve_own": set(),
        "cases.audit": {A},
        # cases, ways in: agency = the office in whose queue the report lies; a volunteer sees what they brought in
        "intake.receive": {O, W, S, Role.VOLUNTEER},
        "intake.list": {O, W, S, Role.VOLUNTEER},
        "intake.read": {O, W, S},
        "intake.screen": {O, W, S},
        "intake.take_up": {W},
        "intake.join": {W, S},
        "intake.refer_on": {W, S},
        "intake.close": {W, S},
        "case.offer": {W, S},
        "case.bind_client": {W},
        "case.join": {S},
        "case.follow_registry": {C},
        # cases, transfers: agency = the sending office to propose, offer and withdraw, the other one to answer
        "transfer.read": {W, S},
        "transfer.propose": {W},
        "transfer.offer": {S},
        "transfer.withdraw": {W, S},
        "transfer.accept": {S},
        "transfer.refuse": {S},
        "task.read": {W, S},
        "task.finish": {W, S},
        "task.remember": {W},
        "task.reassign": {S},
        # cases, notes: as for the case; what is confidential also needs a confirmed certificate (competence.py)
        "note.read": {W, S},
        "note.write": {W, S},
        "note.read_confidential": {W, S},
        "note.mark_error": {W, S},
        "visit.plan": {W},
        "visit.record": {W},
        "attachment.read": {W, S},
        "attachment.add": {W, S},
        "attachment.remove": {W, S},
        # cases, competence: agency = the worker's
        "competence.propose": {O, W, S},
        "competence.decide": {S},
        "competence.read": {O, W, S},
        # placement: agency = the office of the case for a worker, of the facility for an officer
        "facility.read": {O, W, S, F},
        "facility.write": {O, F},
        "facility.beds": {F},
        "placement.request": {W},
        "placement.answer": {W},
        "placement.cancel": {W},
        "placement.place": {W},
        "placement.read": {W, S},
        "placement.prioritise": {S},
        "placement.override": {S},
        "placement.admit": {F},
        "placement.leave": {F},
        "placement.transfer": {F},
        "placement.discharge": {F},
        "waiting.read": {S, F},
        # cases, rakor: agency = the office that meets
        "obstacle.raise": {W, S},
        "obstacle.read": {W, S},
        "obstacle.own": {S},
        "obstacle.decide": {S},
        "obstacle.solve": {S},
        "obstacle.reopen": {S},
        "meeting.call": {S},
        "meeting.read": {W, S},
        "meeting.hold": {S},
        "meeting.minute": {S},
        "meeting.approve": {S},
        # the caseload of an office: its supervisors'
        "caseload.read": {S},
        "caseload.export": {S},
        "caseload.profile": {S},
        "caseload.suggest": {S},
        "caseload.assign": {S},
        "caseload.hand_over": {S},
        "caseload.cover": {S},
        # referrals: agency = sender or receiver, as each command says
        "referral.send": {W, C},
        "referral.read": {W, S, D, G},
        "referral.details": {D, G},
        "referral.acknowledge": {D, G},
        "referral.accept": {D, G},
        "referral.decline": {D, G},
        "referral.progress": {D, G},
        "referral.hold": {D, G},
        "referral.resume": {D, G},
        "referral.complete": {D, G},
        "referral.fail": {D, G},
        "referral.confirm_cancel": {D, G},
        "referral.cancel": {W, S, C},
        "referral.request_cancel": {W, S, C},
        "referral.retract": {W, S},
        "referral.close": {W, S},
        "referral.keep_time": {C},
        "directory.read": {O, W, S, D, A, G},
        "directory.write": {O},
        "directory.find": {O, W, S},
        "directory.gaps": {O, S, A},
        "directory.capacity": {O, D, G},
        "agency.replay": {O, G},
        "referral.send_anyway": {S},
        "disclosure.read": {A},
        "disclosure.of_client": {S, A},
        # pathways: agency = the office that started it
        "pathway.start": {W},
        "pathway.read": {W, S},
        "pathway.templates": {O, W, S, A},
        "pathway.retry_step": {W, S},
        "pathway.skip_step": {W, S},
        "pathway.stop": {W, S},
        # webhooks: agency = whose server it is
        "webhook.write": {O},
        "webhook.read": {O, D},
        "webhook.manage": {O, D},
        "webhook.verify": {C},
        # referrals, letters: a surat rujukan is the sender's, a surat balasan the receiver's; both may print either
        "letter.office": {O},
        "letter.make": {W, S, D},
        "letter.read": {W, S, D},
        "letter.print": {W, S, D},
        "letter.withdraw": {W, S, D},
        # referrals, consents: the office that recorded it
        "consent.record": {W, S},
        "consent.withdraw": {W, S},
        "consent.read": {W, S},
        # notify: everybody their own inbox; contacts are the operator's
        "inbox.read": {O, W, S, D, F, Role.VOLUNTEER},
        "inbox.mark_read": {O, W, S, D, F, Role.VOLUNTEER},
        "contact.write": {O},
        "notice.post": {C},
        "delivery.read": {O},
        # console
        "console.use": {O, W, S, D, A, F, Role.VOLUNTEER},
    }.items()
}
