"""The text of a batch script, from prepared values alone.

The script is whole: directives, settings, the launcher (launch.sh) and the payload, so that it can
be read, kept, copied to a cluster and given to sbatch by hand. It is the same for every request of
the same kind: under which request it runs, sbatch is told as the script's argument. No secret is
in it. Rendering is deterministic and does no I/O beyond reading this package's own files.
"""

import hashlib
from dataclasses import asdict, dataclass
from importlib.resources import files

_PACKAGE = "slurm_templates"


@dataclass(frozen=True, slots=True)
class Script:
    """What stands in a batch script, in the order in which it stands there.

    `directives` are sbatch options as they are written, "--nodes=10". `token`, `runtime` and
    `work_dirs` are places on the cluster, in which ${NAME} means the variable there; of the last,
    the first that can be written to on the node counts. `seconds` is
    the time limit, `lead` how long before it Slurm warns, `margin` how long before it pilots must
    be gone. `gpus` counts those of a node,
    as text; empty for none. `conf` is the part of pilot.conf that all pilots share.
    """

    remarks: tuple[str, ...]
    directives: tuple[str, ...]
    token: str
    runtime: str
    runtime_sha256: str
    work_dirs: tuple[str, ...]
    seconds: int
    lead: int
    margin: int
    gpus: str
    setup: tuple[str, ...]
    conf: str
    payload: str


def render(script: Script) -> str:
    """Return the batch script. Raises RenderError for a value that cannot stand in it."""
    values = asdict(script) | {
        "launch": files(_PACKAGE).joinpath("launch.sh").read_text(encoding="utf-8"),
        "payload_sha256": hashlib.sha256(script.payload.encode()).hexdigest(),
    }
    from glidein import rendering  # loads Jinja, which a listing needs not

    return rendering.render(_PACKAGE, "batch.sbatch.j2", values)
