"""The taxonomies in a stream's snapshots, and proposals to change them."""

from stream.taxonomy.proposals import ProposalsError, proposals, read_proposals, write_proposals
from stream.taxonomy.snapshots import NoTaxonomyError, drawn, refusals, refusals_in_words, taxonomies

__all__ = [
    "NoTaxonomyError",
    "ProposalsError",
    "drawn",
    "proposals",
    "read_proposals",
    "refusals",
    "refusals_in_words",
    "taxonomies",
    "write_proposals",
]
