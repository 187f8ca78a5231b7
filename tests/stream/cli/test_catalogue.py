"""`ithaca learners` and `ithaca encoders`: what is listed is what there is."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from learners import LEARNERS
from stream.cli.catalogue import _read
from stream.cli.main import app
from stream.encoders import ENCODERS


@pytest.mark.parametrize(("command", "catalogue"), [("learners", LEARNERS), ("encoders", ENCODERS)])
def test_each_is_listed_with_its_line_and_parameters(command: str, catalogue: dict[str, type]) -> None:
    """In the catalogue's order, as the classes themselves say."""
    result = CliRunner().invoke(app, [command], env={"COLUMNS": "1000"})
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines if line[:1].isalpha()][:-1] == list(catalogue)
    for name, maker in catalogue.items():
        summary = (inspect.getdoc(maker) or "").partition("\n\n")[0].replace("\n", " ")
        at = lines.index(f"{name}: {summary}")
        parameters = inspect.signature(maker).parameters.values()
        shown = ", ".join(str(each.replace(annotation=each.empty)) for each in parameters)
        assert lines[at + 1].strip() == shown or not shown


def test_one_is_shown_in_full() -> None:
    """What each parameter does, without the Python examples."""
    result = CliRunner().invoke(app, ["learners", "ihomer"])
    assert result.stdout.startswith("ihomer(rule='balanced', k=10, ")
    assert "How alike labels of one cluster are" in result.stdout
    assert ">>>" not in result.stdout


def test_listing_imports_neither_torch_nor_rivers_models() -> None:
    """What takes seconds to import is read off its source."""
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from stream.cli.main import app\n"
        "assert CliRunner().invoke(app, ['learners']).exit_code == 0\n"
        "assert CliRunner().invoke(app, ['encoders']).exit_code == 0\n"
        "assert not {'torch', 'river.tree'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_source_says_what_the_object_says() -> None:
    """For a class that its package passes on, and for a function."""
    from learners.extreme import ExtremeClassifier
    from learners.published import br_knn

    for place, maker in (
        ("learners.extreme:ExtremeClassifier", ExtremeClassifier),
        ("learners.published:br_knn", br_knn),
    ):
        read, signature = _read(place), inspect.signature(maker)
        assert read.docstring == inspect.getdoc(maker)
        assert read.parameters == [
            str(each.replace(annotation=each.empty)) for each in signature.parameters.values()
        ]
