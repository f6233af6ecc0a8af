import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.store.turns import Turns

PATIENCE_S = 30.0


def test_waiters_are_served_in_the_order_they_came() -> None:
    turns = Turns()
    served: list[int] = []

    def serve(number: int) -> None:
        with turns.turn(PATIENCE_S):
            served.append(number)

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(8)]
    with turns.turn(PATIENCE_S):
        for number, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= number:
                pass
    for thread in threads:
        thread.join()
    assert served == list(range(8))


def test_one_at_a_time_and_nobody_is_lost() -> None:
    turns = Turns()
    inside = 0

    def enter(_number: int) -> None:
        nonlocal inside
        with turns.turn(PATIENCE_S):
            inside += 1
            assert inside == 1
            inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(2000)))


def test_who_gave_up_gets_no_turn() -> None:
    turns = Turns()
    late = pytest.raises(TimeoutError, match=r"no turn within 0\.01 s")
    with turns.turn(0), late, turns.turn(0.01):
        pass
    with turns.turn(0):
        pass


def test_an_error_passes_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(0):
        raise ZeroDivisionError
    with turns.turn(0):
        pass
