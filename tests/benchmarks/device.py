"""What encoders reach on a CUDA device, or on one core, beside what the hardware could do.

Run `python -m tests.benchmarks.device [--model FOLDER] [--scale 1.0]`. Without a folder with a
sentence-transformers model, one of MiniLM-L6's shape with random weights is made: its speed does not depend
on their values. Texts are of 1 KB. Beside a line stands the measured ceiling: for the transformer what a
matrix product in bfloat16 allows, for hashing what copying text and vectors allows.

On a CUDA device the exit status is 1 where a target is missed. `transformer`: 9,000 texts a second in half
precision and 5,000 in float32 in calls of 2,000, 40 % of the matrix product's rate in its forward pass, the
same bits in any batch. `hashing`: 80,000 from 256 texts a call on. `extreme` in micro-batches of 256, vectors
of 256: that scores every label, 100,000 messages predicted and learned a second with 100,000 labels; with
10,000, and with a shortlist too, more than on the CPU. Without a device one core is measured, in
processor time, and only equal bits are wanted: the exit status is 1 where a row has others.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from learners.core import Targets
from learners.extreme import ExtremeClassifier
from stream.encoders import Hashing, Transformer
from stream.encoders.transformer import PRECISIONS, Tokens, embedded
from stream.records import Event
from tests.benchmarks.encoder_hashing import made_texts
from tests.benchmarks.timing import parser, scaled

SIZE = 1_000
"""Bytes of a text."""
BATCH, WIDTH = 256, 256
"""Messages in a micro-batch, and length of their vectors."""
PASSES = 8
"""Forward passes that are measured together."""


class Line(NamedTuple):
    """A figure, the least that is wanted of it on a CUDA device, and what the hardware could do."""

    what: str
    figure: float
    unit: str
    target: float | None = None
    ceiling: float | None = None

    @property
    def missed(self) -> bool:
        """Whether less than the target was reached."""
        return self.target is not None and self.figure < self.target


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the median seconds that some work takes: of three runs, or a second's; after a first one.

    Without a device it is processor time, so that a busy machine has little effect.
    """
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    work()
    took: list[float] = []
    while len(took) < 3 or sum(took) < 1.0:
        synchronize(device)
        start = clock()
        work()
        synchronize(device)
        took.append(clock() - start)
    return statistics.median(took)


def synchronize(device: torch.device) -> None:
    """Wait for a CUDA device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def product_rate(device: torch.device, dtype: torch.dtype = torch.bfloat16) -> float:
    """Return the operations a second of a large matrix product."""
    size = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / seconds(lambda: a @ b, device)


def copy_rate(device: torch.device) -> float:
    """Return the bytes a second of a copy from the host's memory to the device's."""
    source = torch.zeros(1 << 26, dtype=torch.uint8)
    source, target = (source.pin_memory() if device.type == "cuda" else source), source.to(device).clone()
    return len(source) / seconds(lambda: target.copy_(source), device)


def gather_rate(device: torch.device) -> float:
    """Return the bytes a second of rows that are gathered from a matrix of them."""
    rows = torch.zeros((1 << 16, WIDTH + 1), device=device)
    ids = torch.randperm(len(rows), device=device)
    return rows.nbytes / seconds(lambda: rows.index_select(0, ids), device)


def made_model(folder: Path, texts: Sequence[str]) -> str:
    """Write a model of MiniLM-L6's shape with random weights, whose vocabulary are the texts' words."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizer

    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *sorted({w for text in texts for w in text.split()}),
    ]
    words += [f"[unused{number}]" for number in range(30_522 - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    torch.manual_seed(0)
    shape = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    BertModel(shape).save_pretrained(folder / "bert")
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    bert = modules.Transformer(str(folder / "bert"), max_seq_length=256)
    whole = SentenceTransformer(
        modules=[bert, modules.Pooling(384), modules.Normalize()],
        device="cpu",
    )
    whole.save(str(folder / "model"))
    return str(folder / "model")


def forward_pass(encoder: Transformer, product: float) -> tuple[Line, float]:
    """Return the share of the matrix product's rate in a forward pass, and the operations of a token."""
    rows, width = (128, 128) if encoder.device.type == "cuda" else (4, 128)
    texts: list[Tokens] = [{name: [1] * width for name in encoder._filler}] * (rows - 1) + [encoder._filler]
    inputs = encoder._inputs(texts, width)
    network = encoder._network
    layers = [
        m for name, m in network.named_modules() if isinstance(m, torch.nn.Linear) and "pooler" not in name
    ]
    attention = 4 * width * sum(m.out_features for m in layers if m.in_features == m.out_features) // 4
    # Products of matrices alone: of a token with all weights, and with the tokens of its text.
    token = float(2 * sum(m.weight.numel() for m in layers) + attention)

    def work() -> None:
        # Several: as in a call of many texts, nobody waits between them.
        with torch.inference_mode():
            for _ in range(PASSES):
                embedded(network, inputs, encoder._ready)

    reached = PASSES * rows * width * token / seconds(work, encoder.device)
    share = Line(
        f"forward pass, {encoder.precision}, {rows} x {width}", 100 * reached / product, "% of product", 40
    )
    return share, token


def transformer(model: str, texts: Sequence[str], device: torch.device, product: float) -> Iterator[Line]:
    """Yield texts a second in each precision, and how many rows have other bits in other batches."""
    for precision in PRECISIONS if device.type == "cuda" else PRECISIONS[:2]:
        encoder = Transformer(model, device.type, precision=precision)
        share, token = forward_pass(encoder, product)
        if precision == "bfloat16":
            yield share
        tokens = statistics.mean(len(text.split()) + 2 for text in texts)
        for call in (64, 2000) if device.type == "cuda" else (len(texts),):
            some = list(texts[:call])
            rate = len(some) / seconds(partial(encoder.vectors, some), device)
            target = (5_000 if precision == "float32" else 9_000) if call == 2000 else None
            what = f"transformer, {precision}, calls of {len(some)}"
            yield Line(what, rate, "texts/s", target, product / (token * tokens))
        few = list(texts[: 512 if device.type == "cuda" else 8])
        parts = [encoder.vectors(few[start : start + 37]) for start in range(0, len(few), 37)]
        same = (np.concatenate(parts) == encoder.vectors(few)).all(axis=1).mean()
        yield Line(f"transformer, {precision}, same bits in any batch", 100 * float(same), "% of rows", 100)


def hashing(texts: Sequence[str], device: torch.device, copy: float) -> Iterator[Line]:
    """Yield texts a second by the size of a call."""
    encoder = Hashing(device="auto")
    events = [Event(id=str(number), ts=0, text=text) for number, text in enumerate(texts)]
    for call in (1, 64, 256, 1000, 4000):
        if call > len(events):
            break
        some = events[:call]
        rate = len(some) / seconds(partial(encoder.encode, some), device)
        yield Line(
            f"hashing, calls of {len(some)}",
            rate,
            "texts/s",
            80_000 if call >= 256 else None,
            copy / (5 * SIZE),
        )


def head(labels: int, device: torch.device, exact: bool) -> float:
    """Return the messages a second that `extreme` predicts and learns in micro-batches."""
    learner = ExtremeClassifier(exact=exact, micro_batch=BATCH, device=device.type)
    learner.label_space.ids(map(str, range(labels)))
    rng = np.random.default_rng(0)
    xs = list(rng.normal(size=(BATCH, WIDTH)).astype(np.float32))
    for x, some in zip(xs, np.array_split(np.arange(labels), BATCH), strict=True):
        learner.learn(x, Targets(some))
    targets = [Targets(np.sort(rng.choice(labels, 3, replace=False))) for _ in range(BATCH)]

    def work() -> None:
        for x, each, prediction in zip(xs, targets, learner.predict_many(xs), strict=True):
            learner.learn_predicted(x, each, prediction)

    return BATCH / seconds(work, device)


def heads(device: torch.device) -> Iterator[Line]:
    """Yield messages a second by the number of labels."""
    product, memory = product_rate(device, torch.float32), gather_rate(device)
    for exact in (True, False):
        for labels in (10_000, 100_000) if device.type == "cuda" else (10_000,):
            # By every label: scored for the prediction and again for the step, which is a third product.
            # By a shortlist: at least the rows of labels under 16 leaves, half full, are gathered.
            gathered = 16 * 32 * 4 * (WIDTH + 1)
            ceiling = product / (6 * labels * WIDTH) if exact else memory / gathered
            target = 1e5 if exact and labels == 100_000 else None
            if device.type == "cuda" and labels == 10_000:
                target = head(labels, torch.device("cpu"), exact)
            mode = "every label" if exact else "shortlist"
            figure = head(labels, device, exact)
            yield Line(f"extreme, {mode}, {labels} labels", figure, "messages/s", target, ceiling)


def main() -> None:
    """Measure, print, and end with status 1 where a target is missed."""
    arguments = parser(__doc__)
    arguments.add_argument("--model", help="folder with a sentence-transformers model")
    given = arguments.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
        print("No CUDA device: float16, the larger calls of the transformer and all targets are left out.")
    print(
        f"{torch.cuda.get_device_name() if device.type == 'cuda' else 'one core'}, torch {torch.__version__}"
    )
    texts = made_texts(scaled(4000, given.scale), SIZE)
    product, copy = product_rate(device), copy_rate(device)
    print(
        f"ceilings: {product / 1e12:.2f} Tflop/s in bfloat16, {copy / 1e9:.1f} GB/s of copies from the host"
    )
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or made_model(Path(folder), texts)
        some = texts if device.type == "cuda" else texts[:16]
        for line in itertools.chain(
            transformer(model, some, device, product), hashing(texts, device, copy), heads(device)
        ):
            judged = line.target is not None and (device.type == "cuda" or line.unit == "% of rows")
            missed += judged and line.missed
            wanted = f"wanted {line.target:,.0f}: {'missed' if line.missed else 'reached'}" if judged else ""
            ceiling = f"ceiling {line.ceiling:,.0f}" if line.ceiling else ""
            print(f"{line.what:<48}{line.figure:>10,.1f} {line.unit:<14}{ceiling:<20}{wanted}", flush=True)
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
