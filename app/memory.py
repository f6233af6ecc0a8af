"""How freed memory is kept: by glibc in pools, here in few of them, so that it is used again.

By default each thread may get a pool of its own, up to eight per CPU, and what one has freed the
others cannot use: a server of many threads grows without need (docs/benchmarks.md).
"""

import ctypes
import os

_VARIABLE = "MALLOC_ARENA_MAX"  # read by glibc when a process starts
_M_ARENA_MAX = -8  # mallopt(3)
_POOLS = 2


def bound_pools() -> None:
    """Let this process, and those it starts, have two pools, unless the environment has a say.

    To be called before there are threads. Without effect where the C library is another.
    """
    if _VARIABLE in os.environ:
        return
    os.environ[_VARIABLE] = str(_POOLS)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _POOLS)
