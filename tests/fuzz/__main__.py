"""Fuzz the decoders: `nice python -m tests.fuzz -max_total_time=300 [FOLDER]`.

FOLDER keeps the corpus between runs. Needs `pip install '.[fuzz]'`; options are libFuzzer's. A failure ends
it with a status other than 0 and leaves the input in the working folder.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["stream.records", "stream.pipeline"]):
    from tests.fuzz.decoding import one_input

atheris.Setup(sys.argv, one_input)
atheris.Fuzz()
