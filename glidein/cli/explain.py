"""`glidein explain`: why a job does not run on a pilot."""

import re
from typing import TYPE_CHECKING

import typer

from glidein.cli import output

if TYPE_CHECKING:
    from glidein.explain import Case
    from glidein.pool import Pool

app = typer.Typer()
_JOB = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)


@app.command(epilog="Example: glidein explain 123.0 --pool cm.example.org")
def explain(
    job: str = typer.Argument(..., help="The job's id: CLUSTER or CLUSTER.PROC."),
    pool: str = typer.Option("", help="The pool; without it the one HTCondor is configured for."),
    token_file: str = typer.Option("", help="A token to show the pool, where it asks for one."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say why a job does not run on a pilot: which step of its way, which clause, what to do.

    Follows the job from its queue to a pilot's slot and stops at the first step that fails; exit
    code 1 then. START and Requirements are evaluated as the negotiator does, on the real ads.
    """
    from glidein import explain as hops
    from glidein import paths
    from glidein.errors import ConfigError
    from glidein.model import PoolAddress
    from glidein.pool import Access, Pool

    found = _JOB.fullmatch(job.strip())
    if found is None:
        raise ConfigError.one("job", f"{job!r} is no job id", "Write CLUSTER or CLUSTER.PROC")
    address = PoolAddress.parse(pool) if pool else None
    token = paths.given(token_file, "--token-file") if token_file else None
    with Pool(address, Access(token_file=token, timeout=30)) as asked:
        case = _case(asked, int(found[1]), int(found[2] or 0))
    findings = hops.explain(case)
    if as_json:
        output.print_json({"job": case.job_id, "findings": findings})
    else:
        for each in findings:
            remedy = f" | {each.remedy}" if each.remedy else ""
            line = f"{each.verdict} {each.subject}: {each.message}{remedy}"
            print(output.printable(line))
    if any(each.verdict == hops.FAIL for each in findings):
        raise typer.Exit(1)


def _case(pool: "Pool", cluster: int, proc: int) -> "Case":
    from glidein.cli import seeing
    from glidein.errors import ObservationError
    from glidein.explain import Case

    rows, troubles = seeing.rows()
    try:
        found = pool.job(cluster, proc)
    except ObservationError as error:
        found, troubles = None, (*troubles, str(error))
    return Case(
        job_id=f"{cluster}.{proc}",
        job=found[1] if found else None,
        schedd=found[0].name if found else "",
        slots=pool.pilots() if found else (),
        negotiator=pool.negotiator() is not None,
        rows=rows,
        troubles=troubles,
    )
