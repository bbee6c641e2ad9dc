"""`glidein explain`: why a job does not run on a pilot."""

import re
import time
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.model import Finding, PoolAddress
    from glidein.pool import Access, Pool
    from glidein.requests import Row

app = typer.Typer()
_JOB = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)


@app.command(epilog="Example: glidein explain 123.0 --pool cm.example.org")
def explain(
    what: str = typer.Argument(
        ..., metavar="JOB|REQUEST", help="A job, CLUSTER or CLUSTER.PROC, or a request's id."
    ),
    pool: str = typer.Option("", help="The pool; without it the one HTCondor is configured for."),
    token_file: str = typer.Option("", help="A token to show the pool, where it asks for one."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say why a job does not run on a pilot, or why a request's pilots run no job.

    Follows a job from its queue to a pilot's slot, or a request from its asking to a job, and
    stops at the first step that fails; exit code 1 then. START and Requirements are evaluated as
    the negotiator does, on the real ads.
    """
    from glidein import paths
    from glidein.model import FAIL, PoolAddress
    from glidein.pool import Access, Pool

    address = PoolAddress.parse(pool) if pool else _pool_of_ours()
    token = paths.given(token_file, "--token-file") if token_file else None
    access = Access(token_file=token, timeout=30)
    if found := _JOB.fullmatch(what.strip()):
        name = f"{found[1]}.{found[2] or 0}"
        with Pool(address, access) as asked:
            findings = _of_job(asked, address, int(found[1]), int(found[2] or 0))
    else:
        name, findings = _of_request(what.strip(), address, access)
    if as_json:
        output.print_json({"job" if found else "request": name, "findings": findings})
    else:
        for each in findings:
            print(output.printable(str(each)))
    if any(each.verdict == FAIL for each in findings):
        raise typer.Exit(1)


def _pool_of_ours() -> "PoolAddress | None":
    """Return the pool of the running requests if it is one; None leaves it to HTCondor."""
    from glidein.cli import seeing

    rows, _ = seeing.rows()
    live = ("queued", "running")
    pools = {row.record.request.spec.pool for row in rows if row.record and row.state in live}
    return pools.pop() if len(pools) == 1 else None


def _of_job(
    pool: "Pool", address: "PoolAddress | None", cluster: int, proc: int
) -> "tuple[Finding, ...]":
    from glidein import explain as hops
    from glidein.cli import seeing
    from glidein.errors import ObservationError

    rows, dim = seeing.rows()
    for each in dim:
        output.progress(f"glidein: {output.printable(each)}")
    found, trouble = None, ""
    pool.collector()  # one that cannot be reached says nothing of any job
    try:
        found = pool.job(cluster, proc)
    except ObservationError as error:
        trouble = str(error)
    negotiator = pool.negotiator() if found else None
    case = hops.Case(
        job_id=f"{cluster}.{proc}",
        job=found[1] if found else None,
        schedd=found[0].name if found else "",
        slots=pool.pilots() if found else (),
        negotiator=negotiator is not None,
        pool_version=negotiator.version if negotiator else "",
        rows=tuple(row for row in rows if _for(row, address)),
        troubles=(trouble,) if trouble else (),
        now=time.time(),
    )
    return hops.explain(case)


def _for(row: "Row", address: "PoolAddress | None") -> bool:
    """Whether a request's pilots are for this pool, as far as that is known."""
    known = row.record.request.spec.pool if row.record else None
    return None in (known, address) or known == address


def _of_request(
    text: str, address: "PoolAddress | None", access: "Access"
) -> "tuple[str, tuple[Finding, ...]]":
    from glidein.cli import seeing

    rows, troubles = seeing.rows()
    row = seeing.one(rows, text)
    return row.id, of_row(row, address, access, troubles)


def of_row(
    row: "Row", address: "PoolAddress | None", access: "Access", troubles: tuple[str, ...] = ()
) -> "tuple[Finding, ...]":
    """Return every hop from a request to a running job, as its pool and queue are now."""
    from glidein.errors import AuthError, ObservationError
    from glidein.explain_request import RequestCase, explain_request
    from glidein.matching import references
    from glidein.pool import Pool

    spec = row.record.request.spec if row.record else None
    slots, queue = None, None
    try:
        with Pool(address or (spec.pool if spec else None), access) as pool:
            slots = pool.pilots(row.id)
            queue = pool.demand(also=references(spec.start) if spec and spec.start else ())
    except (AuthError, ObservationError) as error:
        troubles = (*troubles, str(error))
    return explain_request(RequestCase(row, slots, queue, troubles))
