"""Does a test notice? Each guarantee is taken away in a copy of the code, and the fault tests must fail.

`python -m tests.faults.mutations [NAME ...]` prints a table and exits 1 where a mutation went unnoticed. It
takes minutes: every mutation runs tests against a real broker.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stream.broker.brokers import ADDRESS_VARIABLE, KafkaBroker

ROOT = Path(__file__).parents[2]
COPIED = ("stream", "learners", "drift", "deploy", "tests", "pyproject.toml", "README.md")


class Edit(NamedTuple):
    """A piece of a file, and what stands there instead."""

    path: str
    old: str
    new: str


class Mutation(NamedTuple):
    """A guarantee taken away, and the tests that must notice."""

    name: str
    edits: tuple[Edit, ...]
    tests: str


KILLS = "tests/faults/test_kills.py::test_f1_killed_at_random_moments"
LOST_REPLIES = "tests/faults/test_outages.py::test_f6_the_reply_to_a_commit_is_lost"
DAMAGE = "tests/faults/test_snapshots.py::test_f8_a_damaged_snapshot_is_named_and_the_one_before_is_used"

OWN_ID = Edit(
    "stream/kafka/outbox.py",
    "{self._source.topic}-{self._source.partition}",
    "{self._source.topic}-{self._source.partition}-{id(self)}",
)
"""Every opening writes under an id of its own: none fences another."""

KEPT = Edit(
    "stream/worker/worker.py",
    "            self._restore(partition)\n        self._go_live()",
    "            if partition in self._assigned:\n"
    "                self._group.read_from(partition, self._assigned[partition].task.next_offset)\n"
    "            else:\n"
    "                self._restore(partition)\n"
    "        self._go_live()",
)
"""A partition that comes again goes on with the task that was there."""

MUTATIONS = (
    Mutation(
        "the offset is committed before the outputs are written",
        (
            Edit(
                "stream/kafka/outbox.py",
                "            client.begin_transaction()\n",
                "            client.begin_transaction()\n"
                "            done = {self._source: OffsetAndMetadata(next_offset, self._topic_id)}\n"
                "            client.send_offsets_to_transaction(done, membership)\n"
                "            client.commit_transaction()\n"
                "            client.begin_transaction()\n",
            ),
        ),
        LOST_REPLIES,
    ),
    Mutation(
        "the outputs are written before, and apart from, the offset",
        (
            Edit(
                "stream/kafka/outbox.py",
                "            commit = OffsetAndMetadata(next_offset, self._topic_id)\n",
                "            commit = OffsetAndMetadata(next_offset, self._topic_id)\n"
                "            client.commit_transaction()\n"
                "            client.begin_transaction()\n",
            ),
        ),
        LOST_REPLIES,
    ),
    Mutation(
        "a transaction in doubt is taken for committed",
        (
            Edit(
                "stream/worker/partition.py",
                "        return reached >= outcome.next_offset\n",
                "        return True\n",
            ),
        ),
        LOST_REPLIES,
    ),
    Mutation(
        "a transaction in doubt is taken for aborted",
        (
            Edit(
                "stream/worker/partition.py",
                "        if not self.doubtful:\n            return False\n",
                "        if self.doubtful:\n            self.outbox.reopen()\n        return False\n",
            ),
        ),
        LOST_REPLIES,
    ),
    Mutation(
        "each opening has a transactional id of its own",
        (OWN_ID,),
        "tests/stream/worker/test_worker.py::test_a_worker_thrown_out_of_the_group_cannot_write",
    ),
    Mutation(
        "a producer is opened for a partition without a look at who has it now",
        (Edit("stream/kafka/outbox.py", "if not self._is_member():", "if False:"),),
        "tests/stream/kafka/test_group_live.py",
    ),
    Mutation(
        "no fencing: neither by the transactional id nor by the membership",
        (
            OWN_ID,
            Edit(
                "stream/kafka/outbox.py",
                "{self._source: commit}, membership)",
                '{self._source: commit}, type(membership)(membership.group_id, -1, "", None))',
            ),
        ),
        "tests/faults/test_zombies.py",
    ),
    Mutation(
        "a lost partition is worked on",
        (
            Edit(
                "stream/worker/worker.py",
                "for partition in (*polled.released, *polled.lost):",
                "for partition in polled.released:",
            ),
            KEPT,
        ),
        "tests/faults/test_rebalances.py::test_a_lost_partition_is_let_go_at_once",
    ),
    Mutation(
        "a released partition is worked on",
        (
            Edit(
                "stream/worker/worker.py",
                "for partition in (*polled.released, *polled.lost):",
                "for partition in polled.lost:",
            ),
            KEPT,
        ),
        "tests/faults/test_rebalances.py::test_kept_partitions_go_on_while_the_group_settles",
    ),
    Mutation(
        "a snapshot belongs to another offset",
        (
            Edit(
                "stream/snapshot/contents.py",
                "    state = _copied(task.state(), spare.state if spare else {})\n",
                "    state = _copied(task.state(), spare.state if spare else {})\n"
                '    state["next_offset"] += 1\n',
            ),
        ),
        KILLS,
    ),
    Mutation(
        "what lies between the snapshot and the committed offset is not relearned",
        (
            Edit(
                "stream/snapshot/recovery.py",
                "        return Recovered(task, kept, None)\n    if not rebuild:",
                "        task.next_offset = task.live_from\n"
                "        return Recovered(task, kept, None)\n    if not rebuild:",
            ),
        ),
        KILLS,
    ),
    Mutation(
        "relearning is not silent",
        (
            Edit(
                "stream/snapshot/recovery.py",
                "_newest(make_task, store, committed, max(beginning, committed))",
                "_newest(make_task, store, committed, beginning)",
            ),
        ),
        KILLS,
    ),
    Mutation(
        "checksums are not compared",
        (
            Edit(
                "drift/core/state_file.py",
                'if _checksum(raw).hex() != entry["checksum"]:',
                "if not raw:",
            ),
            Edit("drift/core/state_file.py", 'if digest(state) != header.pop("digest"):', "if not state:"),
        ),
        DAMAGE,
    ),
    Mutation(
        "a snapshot has its name before it is whole",
        (
            Edit(
                "stream/snapshot/store.py",
                'unfinished = f"{path}.{uuid.uuid4().hex}{UNFINISHED}"',
                "unfinished = path",
            ),
            Edit("stream/snapshot/store.py", "            self._files.mv(unfinished, path)\n", ""),
        ),
        "tests/faults/test_snapshots.py::test_f8_killed_after_each_piece_of_a_snapshot",
    ),
    Mutation(
        "events that are gone are passed over",
        (
            Edit(
                "stream/snapshot/recovery.py",
                "        raise RecoveryError(_refusal(store, kept, needed, committed, beginning))\n",
                "        task.next_offset = beginning\n        return Recovered(task, kept, None)\n",
            ),
        ),
        "tests/faults/test_snapshots.py::"
        "test_f9_records_deleted_past_the_snapshot_are_refused_or_rebuilt_on_request",
    ),
)


def copy_code(folder: Path) -> None:
    """Copy code and tests into a folder, with the times of the files."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, folder / name)


def mutated(mutation: Mutation, folder: Path) -> None:
    """Make a mutated copy of the code in a folder.

    Raises
    ------
    ValueError
        When a piece to be changed is not there exactly once: the code has moved on.
    """
    copy_code(folder)
    for path, content in contents(mutation, folder).items():
        path.write_text(content)


def contents(mutation: Mutation, folder: Path) -> dict[Path, str]:
    """Return what a mutation makes of its files; errors as in `mutated`."""
    changed: dict[Path, str] = {}
    for edit in mutation.edits:
        path = folder / edit.path
        content = changed.get(path) or path.read_text()
        if content.count(edit.old) != 1:
            raise ValueError(f"{mutation.name}: {edit.path} has {content.count(edit.old)} times {edit.old!r}")
        changed[path] = content.replace(edit.old, edit.new)
    return changed


def noticed(mutation: Mutation, address: str) -> str:
    """Return the name of the first test that notices, or nothing."""
    with tempfile.TemporaryDirectory(prefix="ithaca-mutation-") as folder:
        mutated(mutation, Path(folder))
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", *mutation.tests.split()],
            cwd=folder,
            env={**os.environ, ADDRESS_VARIABLE: address, "PYTHONPATH": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
    failed = re.search(r"^FAILED \S*::(\S+)", ran.stdout, re.MULTILINE)
    if ran.returncode not in (0, 1) or (ran.returncode == 1 and failed is None):
        raise RuntimeError(f"{mutation.name}: the tests could not be run:\n{ran.stdout}")
    return failed[1] if failed else ""


def results(names: list[str]) -> Iterator[bool]:
    """Run the mutations whose names contain one of the given words; all where none is given."""
    with KafkaBroker() as broker:
        for mutation in MUTATIONS:
            if not names or any(name in mutation.name for name in names):
                test = noticed(mutation, broker.address)
                print(f"| {mutation.name} | {test or '**NOT NOTICED**'} |", flush=True)
                yield bool(test)


if __name__ == "__main__":
    sys.exit(0 if all(list(results(sys.argv[1:]))) else 1)
