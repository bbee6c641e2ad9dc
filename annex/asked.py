"""What a request asks of a batch system, as it stands in the request's options and in the ledger.

The options are text, so that the ledger keeps them as they are; a launch repeated from the ledger
asks for the same thing.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields

from glidein.batchask import BatchAsk
from glidein.catalogue import Catalogue, parse_target
from glidein.errors import ConfigError
from glidein.model import Request
from slurm_templates.planning import Target


def options(ask: BatchAsk, target: str) -> dict[str, str]:
    """Return what goes into a request's options."""
    plain = {key: json.dumps(value) for key, value in asdict(ask).items()}
    return {"target": target, **plain}


def asked(request: Request, catalogue: Catalogue) -> tuple[BatchAsk, Target]:
    """Return what a request asks for, and of which queue. Raises ConfigError.

    A request without options, as any program may make one, asks the generic system for one node
    a pilot, of the size its spec says.
    """
    if "target" not in request.options:
        return _plain(request), Target(*parse_target("generic", catalogue))
    return _ask(request.options), Target(*parse_target(request.options["target"], catalogue))


def _plain(request: Request) -> BatchAsk:
    spec, size = request.spec, request.spec.resources
    return BatchAsk(
        nodes=request.pilots,
        cpus=size.cpus,
        memory=size.memory_mb,
        gpus=size.gpus or None,
        lifetime=spec.lifetime,
        idle_time=spec.idle_time,
    )


def _ask(told: Mapping[str, str]) -> BatchAsk:
    known = {each.name for each in fields(BatchAsk)}
    try:
        plain = {key: json.loads(value) for key, value in told.items() if key in known}
        extra = tuple((str(name), str(value)) for name, value in plain.pop("options", ()))
        return BatchAsk(**plain, options=extra)
    except (ValueError, TypeError) as error:
        raise ConfigError.one("request", f"its options cannot be read: {error}") from error
