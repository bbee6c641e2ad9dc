"""The batch providers of far places: those that the ledger has requests of, and new ones."""

from collections.abc import Iterator

from annex import places
from annex.condor_dialect import CondorDialect
from annex.dialect import Dialect as Words
from annex.places import Place
from annex.prompting import Prompter
from annex.provider import BatchProvider
from annex.reaching import Way
from annex.slurm_dialect import SlurmDialect
from glidein import catalogue
from glidein.catalogue import Catalogue, Dialect
from glidein.ledger import Ledger


def of_place(place: Place, known: Catalogue, ask: Prompter | None = None) -> BatchProvider:
    """Return the batch system of a far place; it is reached when it is first asked something."""
    way = Way(place.host, place.user, ask)
    return BatchProvider(place.provider, words_of(place, known), way)


def words_of(place: Place, known: Catalogue) -> Words:
    """Return the dialect that is spoken at a place."""
    condor = known.systems[place.system].dialect is Dialect.HTCONDOR
    return CondorDialect(known) if condor else SlurmDialect(known)


def of_ledger(ledger: Ledger) -> Iterator[BatchProvider]:
    """Yield the provider of each place that a request in the ledger went to, once."""
    records, _ = ledger.all()
    asked = (places.of_request(each.request.provider, each.request.options) for each in records)
    found = {each.provider: each for each in asked if each is not None}
    if not found:
        return
    known = catalogue.load()
    for place in found.values():
        if place.system in known.systems:
            yield of_place(place, known)
