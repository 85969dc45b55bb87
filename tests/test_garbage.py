"""The search for garbage is put off while one thread asks for it, and then is as it was."""

import gc
from threading import Barrier, Thread

import pytest

from graphad.decoders.garbage import put_off


def test_the_last_of_two_threads_turns_it_on_again() -> None:
    both, first, seen = Barrier(2), Barrier(2), list[bool]()

    def other() -> None:
        with put_off():
            both.wait(10)
            first.wait(10)
            seen.append(gc.isenabled())

    thread = Thread(target=other)
    assert gc.isenabled()
    with put_off():
        thread.start()
        both.wait(10)
    seen.append(gc.isenabled())
    first.wait(10)
    thread.join(10)
    assert seen == [False, False]
    assert gc.isenabled()


def test_what_raises_turns_it_on_and_what_was_off_stays_off() -> None:
    with pytest.raises(KeyError), put_off():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with put_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
