"""The mutations are of the code as it is."""

from __future__ import annotations

import pytest

from tests.faults.mutations import MUTATIONS, ROOT, Mutation, contents


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_applies_and_names_tests_that_exist(mutation: Mutation) -> None:
    """Else it would be noticed by nobody, or never run."""
    for path, content in contents(mutation, ROOT).items():
        assert content != path.read_text()
        compile(content, str(path), "exec")
    file, _, test = mutation.tests.rpartition(" ")[2].partition("::")
    assert f"def {test}" in (ROOT / file).read_text()
