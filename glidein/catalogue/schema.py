"""The keys of a catalogue file, and who reads each. What is not here is refused.

A key added here is added to the dataclass of glidein.catalogue.facts of that table, and to
docs/systems.md.
"""

from glidein.catalogue import readers as r
from glidein.catalogue.facts import Dialect, Scope, Select, Share

Spec = dict[str, r.Reader]

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
ASKABLE = ("cpus", "memory", "gpus", "gpu_type")
_NAME = r.matching(NAME, "name", "gpu-shared")
_HOST = r.matching(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", "host", "login.example.org")
_KNOB = r"[A-Za-z_][A-Za-z0-9_.]*"
_CONSTRAINT = r.matching(r"[A-Za-z0-9_.,:&|*()\[\]@=-]+", "constraint", "cpu or gpu&hbm80g")
_FINGERPRINT = r.matching(r"(?:SHA256:[A-Za-z0-9+/]{43}|MD5(?::[0-9a-f]{2}){16})",
                          "fingerprint", "SHA256:...")  # fmt: skip
_GPU_TYPE = r.matching(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "type of GPU", "v100-32")
_WHEN = r.matching(r"any|none|some|[1-9]\d{0,3}", "condition", "any, none, some or 16")

SYSTEM: Spec = {
    "title": r.told,
    "dialect": r.choice(Dialect, Dialect),
    "default_queue": r.told,
    "select": r.choice(Select, Select),
    "any_queue": r.flag,
    "scratch": r.many(r.folder),
    "node_scratch": r.many(r.folder),
    "setup": r.many(r.told),
    "constraint": _CONSTRAINT,
    "retired": r.text,
    "source": r.told,
    "checked": r.day,
    "doubt": r.text,
    "note": r.text,
}
LOGIN: Spec = {
    "hosts": r.many(_HOST),
    "fingerprints": r.many(_FINGERPRINT),
    "setup": r.many(r.told),
}
PROJECT: Spec = {"required": r.flag, "list_command": r.text}
GPU: Spec = {
    "option": r.choice(("", "gpus", "gpus-per-node", "gpus-per-task", "gres")),
    "scope": r.choice(Scope, Scope),
}
CONTAINER: Spec = {"command": r.text, "setup": r.many(r.told), "login_shell": r.flag}
HTCONDOR: Spec = {
    "requirements": r.text,
    "image": r.text,
    "cpus": r.none_or(r.count(1)),
    "memory": r.none_or(r.memory),
    "disk_per_cpu": r.none_or(r.memory),
}
QUEUE: Spec = {
    "batch_name": _NAME,
    "share": r.choice(Share, Share),
    "cores": r.none_or(r.count(1)),
    "memory": r.none_or(r.memory),
    "gpus": r.none_or(r.count(0)),
    "gpu_types": r.many(_GPU_TYPE),
    "gpu_model": r.text,
    "cpus_multiple": r.count(1),
    "max_cpus": r.none_or(r.count(1)),
    "memory_directive": r.flag,
    "exclusive": r.flag,
    "may_ask": r.many(r.choice(ASKABLE)),
    "must_ask": r.many(r.told),
    "min_nodes": r.count(1),
    "max_nodes": r.none_or(r.count(1)),
    "min_walltime": r.none_or(r.span),
    "max_walltime": r.none_or(r.span),
    "max_jobs": r.none_or(r.count(1)),
    "arrays": r.flag,
    "preemptible": r.flag,
    "constraint": _CONSTRAINT,
    "retired": r.text,
    "source": r.told,
    "checked": r.day,
    "doubt": r.text,
    "note": r.text,
}
VARIANT: Spec = {
    "when_gpus": _WHEN,
    "when_gpu_type": _GPU_TYPE,
    "cores": r.none_or(r.count(1)),
    "memory": r.none_or(r.memory),
    "gpus": r.none_or(r.count(0)),
    "max_nodes": r.none_or(r.count(1)),
    "constraint": _CONSTRAINT,
}
TABLES: dict[str, Spec] = {
    "login": LOGIN,
    "project": PROJECT,
    "gpu": GPU,
    "container": CONTAINER,
    "htcondor": HTCONDOR,
}
KNOB_NAME = _KNOB
REQUIRED_SYSTEM = ("title", "dialect", "default_queue", "source", "checked")
REQUIRED_QUEUE = ("share",)
