"""Three brokers for all tests that ask for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cluster import Cluster, cluster


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster for all tests; each leaves it whole."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made
