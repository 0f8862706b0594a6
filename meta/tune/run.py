"""Starting a night's tuning with the proposer that the settings ask for."""

from __future__ import annotations

from meta.context import Context
from meta.errors import MetaError, ServiceDown
from meta.tickets.admit_all import admit_all
from meta.tune.loop import Night, night
from meta.tune.outlook import outlook, text
from meta.tune.proposer import Proposer
from worker_agent.model import ContextTooLong, ModelMisconfigured, ModelUnavailable


def proposer_of(context: Context) -> Proposer:
    """The proposer that meta.toml names."""
    if context.settings.proposer.style == "agent":
        from meta.tune.proposer.agent import EditingAgent

        scratch = context.settings.cache / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        return EditingAgent(context.proposer_model, context.sandbox, scratch)
    if context.settings.proposer.style == "sentence":
        from meta.tune.proposer.sentence import OneSentence

        return OneSentence(context.proposer_model)
    from meta.tune.proposer.rewrite import Rewrite

    return Rewrite(context.proposer_model)


def tune(context: Context) -> Night:
    """Admit what waits, say what the night can show, then one night.

    Raises `MetaError` when the model's service stops it; the night can be taken up.
    """
    try:
        admit_all(context)
        for line in text(outlook(context)):
            context.tell(line)
        return night(context, proposer_of(context))
    except ModelMisconfigured as error:
        raise MetaError(f"the model's service refuses: {error}", "check key, model and base_url") from None
    except ModelUnavailable as error:
        raise ServiceDown(
            f"the model's service does not answer: {error}", "start again later; nothing was lost"
        ) from None
    except ContextTooLong as error:
        raise MetaError(f"the evidence is too long for the model: {error}", "use a model with more context") from None
