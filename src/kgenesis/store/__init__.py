"""The log and the blobs on disk: the only memory K-Genesis has."""

from kgenesis.store.blobs import Blobs
from kgenesis.store.chain import Broken, Verification
from kgenesis.store.leases import Holder, Lease
from kgenesis.store.log import SqlStore, make_store
from kgenesis.store.places import Place, place_of
from kgenesis.store.projections import Projection, Row

__all__ = [
    "Blobs",
    "Broken",
    "Holder",
    "Lease",
    "Place",
    "Projection",
    "Row",
    "SqlStore",
    "Verification",
    "make_store",
    "place_of",
]
