"""The demo's timeline: seconds per phase as a table, and as lanes for the picture. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glidein.demo.events import JobRun
from glidein.gantt import Lane, Span

_COURSE = ("runtime", "checks", "join")


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the demo, in seconds since its beginning."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that was measured. `zero` is the demo's beginning in seconds since 1970."""

    zero: float
    phases: tuple[Phase, ...]
    runs: tuple[JobRun, ...]
    reports: tuple[Mapping[str, Any], ...]
    results: Mapping[str, str]

    def table(self) -> list[tuple[str, str]]:
        """Return the rows for reading: what, seconds."""
        rows = [(phase.name, f"{phase.end - phase.start:.1f}") for phase in self.phases]
        for report in self.reports:
            rows += [
                (f"pilot {report.get('pilot')}: {name}", f"{seconds:.1f}")
                for name, seconds in _in_order(report)
            ]
        first = min((run.started for run in self.runs), default=self.zero)
        begun = min((float(r.get("started", self.zero)) for r in self.reports), default=self.zero)
        rows.append(("pilot start to first job running", f"{first - begun:.1f}"))
        rows.append(("everything", f"{max(phase.end for phase in self.phases):.1f}"))
        return rows

    def lanes(self) -> list[Lane]:
        """Return one lane for the demo's phases, one for each pilot and each job."""
        lanes = [Lane("demo", tuple(Span(p.start, p.end, p.name) for p in self.phases))]
        lanes += [Lane(f"pilot {r.get('pilot')}", tuple(self._pilot(r))) for r in self.reports]
        for run in sorted(self.runs, key=lambda run: run.submitted):
            waited = Span(run.submitted - self.zero, run.started - self.zero, "waiting", "idle")
            kind = "job" if run.returned == 0 else "failed"
            ran = Span(run.started - self.zero, run.ended - self.zero, "running", kind)
            lanes.append(Lane(run.node, (waited, ran)))
        return lanes

    def _pilot(self, report: Mapping[str, Any]) -> list[Span]:
        at = float(report.get("started", self.zero)) - self.zero
        spans = []
        for name, seconds in _in_order(report):
            spans.append(Span(at, at + seconds, name, "setup"))
            at += seconds
        end = float(report.get("ended", self.zero)) - self.zero
        return [*spans, Span(at, max(at, end), "in the pool", "pilot")]


def _in_order(report: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return a report's phases in the order in which a pilot goes through them."""
    phases = {name: float(seconds) for name, seconds in report.get("phases", {}).items()}
    known = [name for name in _COURSE if name in phases]
    return [(name, phases[name]) for name in [*known, *sorted(phases.keys() - set(known))]]
