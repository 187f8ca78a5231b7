"""The READMEs' tables that are generated from the code: `python -m tests.tables [--write]`.

A table is between `<!-- made by python -m tests.tables: NAME -->` and `<!-- end -->`. Without `--write`
nothing is changed, and the exit status is 1 if a README differs from the code; a test checks it as well.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from drift.alarms import Alarm
from drift.detectors.catalogue import DETECTORS
from drift.monitors.monitors import MONITORS
from learners import LEARNERS, TITLES
from stream.config import Settings
from stream.encoders import ENCODERS
from stream.pipeline import make_task
from stream.records.drift_events import DriftRecord
from stream.records.label_records import LabelRecord, PartitionRecord
from stream.records.predictions import ExplanationRecord, PredictionRecord
from stream.records.schema import Control, Event, Labelled
from stream.records.triage import TriageRecord
from stream.telemetry import Telemetry
from stream.telemetry.prometheus import registry
from tests.numpydoc import parameters, summary
from tests.structure import ARROWS

ROOT = Path(__file__).parents[1]
READMES = tuple(sorted((*ROOT.glob("README.md"), *ROOT.glob("*/README.md"))))
BLOCK = re.compile(
    r"(?P<head><!-- made by python -m tests\.tables: (?P<name>[a-z-]+) -->\n).*?(?P<tail><!-- end -->)", re.S
)
Row = Sequence[str]


def table(heads: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


# Settings -------------------------------------------------------------------------------------------------


def settings() -> Iterator[str]:
    """Yield every key of every section, with its default and what its docstring says."""
    plain = {name: field for name, field in Settings.model_fields.items() if not _section(field.annotation)}
    rows = list(_keys("", Settings, plain))
    for name, field in Settings.model_fields.items():
        section = _section(field.annotation)
        if section is not None:
            rows += _keys(f"{name}.", section, section.model_fields)
    return table(("setting", "default", "what it is"), rows)


def _section(annotation: Any) -> Any:
    return annotation if isinstance(annotation, type) and hasattr(annotation, "model_fields") else None


def _keys(prefix: str, section: Any, fields: dict[str, Any]) -> Iterator[Row]:
    documented: list[str] = []
    for names, text in parameters(section):
        documented += names
        kinds = list(dict.fromkeys(_choices(fields[name].annotation) for name in names))
        said = " ".join(filter(None, (text, *kinds)))
        yield (
            ", ".join(f"`{prefix}{name}`" for name in names),
            ", ".join(dict.fromkeys(_default(fields[name]) for name in names)),
            said,
        )
    if sorted(documented) != sorted(fields):
        raise ValueError(f"{section.__name__} documents {sorted(documented)} and has {sorted(fields)}")


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return "none"
    if isinstance(value, str) and value.startswith(str(Path.home())):
        value = f"~{value.removeprefix(str(Path.home()))}"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _choices(annotation: Any) -> str:
    """Return the values that a setting accepts, if they are a list of words."""
    flat = [each for kind in (annotation, *get_args(annotation)) for each in get_args(kind)]
    words = list(dict.fromkeys(each for each in flat if isinstance(each, str)))
    secret = SecretStr in flat or annotation is SecretStr
    return f"One of {', '.join(f'`{word}`' for word in words)}." if words else "A secret." if secret else ""


# Learners, encoders, detectors, monitors ------------------------------------------------------------------


def learners() -> Iterator[str]:
    """Yield every learner of the catalogue: its names, its summary, and its parameters' defaults."""
    rows = [(f"`{name}`", TITLES[name], _made(make), _signature(make)) for name, make in LEARNERS.items()]
    return table(("name", "called", "what it is", "parameters and defaults"), rows)


def _made(maker: Callable[..., Any]) -> str:
    """Return the summary of a learner, from a class or a function that returns one."""
    text = summary(maker).removeprefix("Return ")
    return text[0].upper() + text[1:]


def learner_parameters() -> Iterator[str]:
    """Yield the description of each parameter of this project's learners."""
    documented = {name: parameters(make) for name, make in LEARNERS.items()}
    rows = (
        (f"`{name}`", ", ".join(f"`{each}`" for each in names), text)
        for name, entries in documented.items()
        for names, text in entries
    )
    return table(("learner", "parameter", "what it does"), rows)


def encoders() -> Iterator[str]:
    """Yield every encoder."""
    rows = ((f"`{name}`", summary(make), _signature(make)) for name, make in ENCODERS.items())
    return table(("encoder", "what it is", "parameters and defaults"), rows)


def detectors() -> Iterator[str]:
    """Yield every detector."""
    rows = ((f"`{name}`", summary(make), _signature(make)) for name, make in DETECTORS.items())
    return table(("detector", "what it is", "parameters and defaults"), rows)


def monitors() -> Iterator[str]:
    """Yield every monitor."""
    built = {name: make(1.0, "adwin", {}) for name, make in MONITORS.items()}
    rows = ((f"`{name}`", summary(type(monitor))) for name, monitor in built.items())
    return table(("monitor", "what it does"), rows)


def _signature(maker: Callable[..., Any]) -> str:
    given = inspect.signature(maker).parameters.values()
    shown = (
        f"`{each.name}`" if each.default is each.empty else f"`{each.name}={each.default!r}`"
        for each in given
    )
    return ", ".join(shown)


# Records --------------------------------------------------------------------------------------------------


def _fields(*kinds: type) -> Iterator[str]:
    """Yield the fields of a record in order, with the texts of these classes' docstrings."""
    texts = {name: (names, text) for kind in kinds for names, text in parameters(kind) for name in names}
    rows, done = [], set[str]()
    record = kinds[-1]
    assert issubclass(record, msgspec.Struct)
    in_json = {field.name: field.encode_name for field in msgspec.structs.fields(record)}
    for name in in_json:
        if name in done:
            continue
        names, text = texts[name]
        done.update(names)
        rows.append((", ".join(f"`{in_json[each]}`" for each in names), text))
    return table(("field", "what it is"), rows)


RECORDS: dict[str, tuple[type, ...]] = {
    "event": (Labelled, Event),
    "control": (Control,),
    "prediction": (PredictionRecord,),
    "why": (ExplanationRecord,),
    "drift-record": (Alarm, DriftRecord),
    "label-record": (LabelRecord,),
    "partition-record": (PartitionRecord,),
    "triage": (TriageRecord,),
}
"""The records whose fields are listed, each with the classes that document them."""


# Operations -----------------------------------------------------------------------------------------------


def metrics() -> Iterator[str]:
    """Yield every metric of a worker with one partition and the default learner."""
    telemetry, task = Telemetry(), make_task(Settings())
    telemetry.gained(0, task)
    rows = []
    for family in registry(telemetry).collect():
        if family.name.startswith("process_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        name = f"{name}_info" if family.type == "info" else name
        labels = dict.fromkeys(
            label for sample in family.samples for label in sample.labels if label not in ("le", "stream")
        )
        known = labels or dict.fromkeys(getattr(family, "_labelnames", ()))
        shown = f"{{{', '.join(known)}}}" if known else ""
        rows.append((f"`{name}{shown}`", family.type, family.documentation))
    return table(("metric", "type", "what it is"), rows)


def alerts() -> Iterator[str]:
    """Yield every alert of the rules."""
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    rows = (
        (
            f"`{rule['alert']}`",
            rule["labels"]["severity"],
            f"`{' '.join(rule['expr'].split())}`" + (f" for {rule['for']}" if "for" in rule else ""),
            rule["annotations"]["action"],
        )
        for rule in rules
    )
    return table(("alert", "severity", "fires when", "what to do"), rows)


# Packages -------------------------------------------------------------------------------------------------


def programs(folder: str) -> Callable[[], Iterator[str]]:
    """Return a function that yields a folder's runnable modules and the first lines of their docstrings."""

    def lines() -> Iterator[str]:
        files = sorted((ROOT / "tests" / folder).glob("*.py"))
        rows = [
            (f"`python -m tests.{folder}.{file.stem}`", _headline(file))
            for file in files
            if '__name__ == "__main__"' in file.read_text()
        ]
        return table(("program", "what it measures" if folder == "benchmarks" else "what it does"), rows)

    return lines


def _headline(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return text.split("\n\n")[0].splitlines()[0]


def markers() -> Iterator[str]:
    """Yield pytest's markers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    split = (marker.partition(": ") for marker in project["tool"]["pytest"]["ini_options"]["markers"])
    return table(("marker", "what it says of a test"), ((f"`{name}`", text) for name, _, text in split))


def packages(root: str) -> Callable[[], Iterator[str]]:
    """Return a function that yields the packages under a root, each after those that it may import."""

    def lines() -> Iterator[str]:
        inside = {each: to for each, to in ARROWS.items() if each.startswith(f"{root}.")}
        rows = [
            (
                f"`{package}`",
                _headline(ROOT / package.replace(".", "/") / "__init__.py"),
                ", ".join(f"`{each.removeprefix(f'{root}.')}`" for each in to.split()),
            )
            for package, to in inside.items()
        ]
        return table(("package", "what lives there", "may import"), rows)

    return lines


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "settings": settings,
    "learners": learners,
    "learner-parameters": learner_parameters,
    "encoders": encoders,
    "detectors": detectors,
    "monitors": monitors,
    "metrics": metrics,
    "alerts": alerts,
    "benchmarks": programs("benchmarks"),
    "faults": programs("faults"),
    "markers": markers,
    "packages": packages("stream"),
    "packages-learners": packages("learners"),
    "packages-drift": packages("drift"),
    **{name: lambda kinds=kinds: _fields(*kinds) for name, kinds in RECORDS.items()},  # type: ignore[misc]
}
"""Every table by its name."""


def filled(text: str) -> str:
    """Return a README with its tables generated from the present code."""
    return BLOCK.sub(
        lambda found: found["head"] + "\n".join(TABLES[found["name"]]()) + "\n" + found["tail"], text
    )


def main() -> int:
    """Compare or write the tables."""
    differing = [file for file in READMES if filled(file.read_text()) != file.read_text()]
    for file in differing:
        if "--write" in sys.argv:
            file.write_text(filled(file.read_text()))
        print(f"{file.relative_to(ROOT)}: {'written' if '--write' in sys.argv else 'differs from the code'}")
    return int(bool(differing) and "--write" not in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
