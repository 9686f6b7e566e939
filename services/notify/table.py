"""Who must know what: the one table. A fact that is not in it is told to nobody."""

from services.notify.rules_cases import CASES
from services.notify.rules_intake import INTAKE
from services.notify.rules_pathways import PATHWAYS
from services.notify.rules_placements import PLACEMENTS
from services.notify.rules_rakor import RAKOR
from services.notify.rules_referrals import REFERRALS
from services.notify.rules_registry import REGISTRY
from services.notify.rules_webhooks import WEBHOOKS

RULES = [*REGISTRY, *CASES, *INTAKE, *PLACEMENTS, *RAKOR, *REFERRALS, *PATHWAYS, *WEBHOOKS]
