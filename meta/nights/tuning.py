"""Starting a night's tuning with the proposer that the settings ask for."""

from __future__ import annotations

from meta.app import Context
from meta.errors import MetaError, ServiceDown
from meta.look.outlook_page import outlook_page
from meta.tickets.admission.queue import admit_waiting_tickets
from meta.tune.loop import TuningResult, tune
from meta.tune.outlook import forecast_night
from meta.tune.propose.proposer import Proposer
from worker_agent.model import ContextTooLong, ModelMisconfigured, ModelUnavailable


def proposer_of(context: Context) -> Proposer:
    """The proposer that meta.toml names."""
    if context.settings.proposer.style == "agent":
        from meta.tune.propose.editing_agent import EditingAgent

        scratch = context.settings.cache / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        return EditingAgent(context.proposer_model, context.sandbox, scratch)
    if context.settings.proposer.style == "sentence":
        from meta.tune.propose.one_sentence import OneSentence

        return OneSentence(context.proposer_model)
    from meta.tune.propose.rewrite import Rewrite

    return Rewrite(context.proposer_model)


def admit_and_tune(context: Context) -> TuningResult:
    """Admit what waits, say what the night can show, then one night.

    Raises `MetaError` when the model's service stops it; the night can be taken up.
    """
    try:
        admit_waiting_tickets(context)
        for line in outlook_page(forecast_night(context)):
            context.tell(line)
        return tune(context, proposer_of(context))
    except ModelMisconfigured as error:
        raise MetaError(f"the model's service refuses: {error}", "check key, model and base_url") from None
    except ModelUnavailable as error:
        raise ServiceDown(
            f"the model's service does not answer: {error}", "start again later; nothing was lost"
        ) from None
    except ContextTooLong as error:
        raise MetaError(f"the evidence is too long for the model: {error}", "use a model with more context") from None
