"""What a second process does to a store: `python -m tests.store.child URL VERB ...`."""

import itertools
import sys

from app.store.store import Store
from tests.store import examples

START = "go"


def main(url: str, verb: str, name: str, count: str = "0") -> None:
    """Wait for a line on the input, then open the store and do as told."""
    print("ready", flush=True)
    assert sys.stdin.readline().strip() == START
    store = Store(url)
    if verb == "add":
        for number in range(int(count)):
            store.add_samples(
                examples.category(), [examples.sample(f"{name}-{number}")], registered=False
            )
    elif verb == "stream":
        # Until killed. A line is the acknowledgement of all the samples it names.
        for number in itertools.count():
            ids = [f"{name}-{number}-{part}" for part in range(3)]
            store.add_samples(
                examples.category(), [examples.sample(id) for id in ids], registered=False
            )
            print(*ids, flush=True)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
