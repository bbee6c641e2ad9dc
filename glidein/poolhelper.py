"""The pool's helper: the other half of glidein.pool, in a process of its own.

The only module that asks by htcondor2. It is imported before anything else of ours, because the
configuration that counts is the one it finds then: here the user's, where glidein.classads wants
none.
"""

import json
import os
import sys
from typing import Any

import htcondor2

from glidein.matching import Ad


def serve() -> None:
    """Answer questions until standard input ends. Nothing but answers reaches the old stdout."""
    htcondor2.enable_debug()  # to standard error, where the asker finds the cause of a failure
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            answer = _answer(json.loads(line))
        except Exception as error:
            answer = {"error": str(error) or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


def _answer(question: dict[str, Any]) -> dict[str, object]:
    match question["op"]:
        case "collected":
            kind = getattr(htcondor2.AdType, question["kind"])
            collector = htcondor2.Collector(question["pool"])
            found = collector.query(kind, question["constraint"] or None, question["attributes"])
        case "queue":
            schedd = htcondor2.Schedd(Ad(question["schedd"]).native())
            found = schedd.query(
                question["constraint"],
                question["attributes"],
                limit=question["limit"],
                opts=getattr(htcondor2.QueryOpt, "GroupBy" if question["grouped"] else "Default"),
            )
        case "priorities":
            negotiator = htcondor2.Negotiator(Ad(question["address"]).native())
            found = negotiator.getPriorities()
        case "ping":
            try:
                found = [htcondor2.ping(question["address"], question["level"])]
            except htcondor2.HTCondorException as error:
                return {"refused": str(error)}
        case unknown:
            return {"error": f"unknown question {unknown}"}
    return {"ads": [str(ad) for ad in found]}


if __name__ == "__main__":
    serve()
