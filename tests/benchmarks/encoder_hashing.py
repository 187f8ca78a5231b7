"""Texts per second of the hashing encoder on one core, and whether a CUDA device gives the same bits.

Run ``python -m tests.benchmarks.encoder_hashing [--device cuda]``; it prints one JSON object. The target on
a CPU is 5,000 texts of 1 KB per second of one core's time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
import torch

from stream.encoders import Hashing

TARGET = 5_000
RUNS = 7


def made_texts(count: int, size: int) -> list[str]:
    """Return texts of a given number of bytes, of words with Zipf-like frequencies."""
    rng = np.random.default_rng(1)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    words = ["".join(rng.choice(letters[:20], rng.integers(2, 12))) for _ in range(20_000)]
    drawn = rng.zipf(1.3, (count, size // 3)) % len(words)
    return [" ".join(words[number] for number in row)[:size] for row in drawn]


def texts_per_second(encoder: Hashing, texts: list[str], batch: int) -> float:
    """Return the median over the runs: in processor time on a CPU, in wall time on a CUDA device."""
    clock = time.process_time if encoder.device.type == "cpu" else time.perf_counter
    seconds = []
    for _ in range(RUNS + 1):
        start = clock()
        for first in range(0, len(texts), batch):
            encoder.vectors(texts[first : first + batch])
        seconds.append(clock() - start)
    return len(texts) / statistics.median(seconds[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--texts", type=int, default=4_000)
    device, count = (given := parser.parse_args()).device, given.texts
    torch.set_num_threads(1)
    texts = made_texts(count, 1_000)
    encoders = {dimensions: Hashing(dimensions, device) for dimensions in (1024, 2048)}
    rates = {
        f"{encoder.name}/batch {batch}": round(texts_per_second(encoder, texts, batch))
        for encoder in encoders.values()
        for batch in (1, 64, 1_000)
    }
    report = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu, one thread",
        "torch": torch.__version__,
        "bytes_per_text": 1_000,
        "runs": RUNS,
        "texts_per_second": rates,
        "ratio_to_target": {name: round(rate / TARGET, 2) for name, rate in rates.items()},
        "rows_that_differ_from_cpu": {
            encoder.name: _differing(encoder, [*texts, "", "?", "小麦价格上涨。" * 50, "x" * 900_000])
            for encoder in encoders.values()
        },
    }
    print(json.dumps(report, ensure_ascii=False, indent=1))


def _differing(encoder: Hashing, texts: list[str]) -> int:
    # In other batches than the encoder's own, so that the count also shows whether batches change anything.
    expected = Hashing(encoder.dimensions, "cpu")
    found = encoder.vectors(texts)
    return sum(
        int(expected.vectors([text])[0].tobytes() != row.tobytes())
        for text, row in zip(texts, found, strict=True)
    )


if __name__ == "__main__":
    main()
