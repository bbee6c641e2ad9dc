"""From what is asked for to a batch script's values. Pure: the catalogue and the ask come in."""

from dataclasses import dataclass

from glidein import pilotconf
from glidein.batchask import BatchAsk, completed
from glidein.catalogue import Queue, System
from glidein.model import Request
from slurm_templates.batch import Script
from slurm_templates.directives import directives, lead

# What the launcher itself writes into each pilot's pilot.conf, where it runs.
_LAUNCHERS = ("REQUEST_ID", "PILOT_INDEX", "PILOT_RESTART", "TOKEN_FILE", "TOKEN_REMOVE",
              "RUNTIME", "RUNTIME_SHA256", "WORK_DIR", "CLAIM_DIR", "DEADLINE")  # fmt: skip
_MARGIN = 60


@dataclass(frozen=True, slots=True)
class Target:
    """A queue of a system."""

    system: System
    queue: Queue

    def __str__(self) -> str:
        return f"{self.queue.name}@{self.system.name}"


def script(request: Request, ask: BatchAsk, target: Target, *, token: str, payload: str) -> Script:
    """Return the values of the batch script for a request.

    The request's id and time do not enter: the same ask makes the same script. `token` is where
    the token lies on the cluster; empty where it is laid into the request's own place.
    """
    warned = lead(ask, request.spec.grace)
    whole = completed(ask, target.queue)
    runtime = request.runtime
    return Script(
        remarks=_remarks(ask, target),
        directives=directives(ask, target.system, target.queue, warned),
        token=token,
        runtime=runtime.where if runtime else "",
        runtime_sha256=runtime.sha256 if runtime else "",
        work_dirs=target.system.node_scratch,
        seconds=-(-ask.lifetime // 60) * 60,
        lead=warned,
        margin=min(_MARGIN, ask.lifetime // 4),
        gpus=str(whole.gpus) if whole.gpus else "",
        setup=target.system.setup,
        conf=_conf(request, target.system),
        payload=payload,
    )


def place(system: System, token_file: str = "", *, token_remove: bool = False) -> pilotconf.Place:
    """Return what pilots on a system are told of it, wherever there they run."""
    container = system.container
    first = (". /etc/profile",) if container.login_shell else ()
    return pilotconf.Place(
        token_file,
        token_remove,
        containers=container.command,
        container_setup=first + container.setup if container.setup else (),
        knobs=system.knobs,
    )


def _conf(request: Request, system: System) -> str:
    text = pilotconf.render(request, 0, place(system))
    # Not splitlines: to that a form feed inside a value ends the line, and half of it would stay.
    lines = [f"{line}\n" for line in text.split("\n") if line]
    return "".join(line for line in lines if line.partition("=")[0] not in _LAUNCHERS)


def _remarks(ask: BatchAsk, target: Target) -> tuple[str, ...]:
    if ask.jobs > 1:
        what = f"{ask.jobs} batch jobs of one node each, one pilot on each"
    else:
        what = f"one batch job of {ask.nodes} node{'s' * (ask.nodes > 1)}, one pilot on each"
    return (
        f"Glidein: {what}, for {target}.",
        "Give it to sbatch. Each pilot joins the pool, runs its owners' jobs and leaves by itself.",
    )
