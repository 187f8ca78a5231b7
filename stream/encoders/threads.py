"""The number of processor threads for numerical code."""

from __future__ import annotations

import threadpoolctl


def limit_threads(threads: int = 1) -> None:
    """Limit BLAS and torch to so many threads from now on.

    The default is one, on purpose. A message is little work: handing parts of it to other threads costs
    more than it saves, and on a machine that is busy (two workers on one are enough) the threads wait for
    each other and everything becomes ten to a hundred times slower. More partitions and more workers are
    how Ithaca uses more cores. Sums also come out the same wherever the service runs.

    Parameters
    ----------
    threads
        At least 1. More helps only a transformer on a processor that has nothing else to do.
    """
    # Imported here, as importing torch takes seconds and commands that do not compute need none of it.
    import torch

    threadpoolctl.threadpool_limits(threads)
    torch.set_num_threads(threads)
