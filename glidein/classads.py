"""ClassAds' door: classad2 with the functions that HTCondor adds to the language.

classad2 by itself knows the language, but not stringListMember, split, userHome and their like,
which real Requirements and START use; and it looks names up otherwise than the daemons do. Both
come with htcondor2, which reads a configuration while it is imported: here an empty one, so that
nothing of this machine's HTCondor decides how an expression is judged. Decision 7 says more.
"""

import os
from types import ModuleType


def _bindings() -> ModuleType:
    names = [name for name in os.environ if name.upper().startswith(("_CONDOR_", "CONDOR_CONFIG"))]
    kept = {name: os.environ.pop(name) for name in names}
    os.environ["CONDOR_CONFIG"] = "ONLY_ENV"
    try:
        import htcondor2  # noqa: F401 - for what its import does to classad2
    finally:
        del os.environ["CONDOR_CONFIG"]
        os.environ.update(kept)
    import classad2

    module: ModuleType = classad2
    return module


classad2 = _bindings()
