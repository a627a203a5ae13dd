"""What is freed stays with the process: large blocks that are asked for again are there, and no page is faulted in anew."""

import os
import platform
import resource

import pytest
import torch

from trainer.stepping.heap import OWN_WORDS, keep_freed_memory

CPU = torch.device("cpu")
BLOCK_BYTES = 8 << 20
PAGES = BLOCK_BYTES // resource.getpagesize()
SETTLING = 30
"""Blocks until the heap has a hole of the size that is asked for, with room for its alignment."""

on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has its own ways")


def faults_of(steps: int) -> int:
    """Return the pages that were faulted in while a block was asked for, written, and freed so many times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        torch.empty(BLOCK_BYTES, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@on_glibc
def test_a_block_that_is_asked_for_again_is_not_faulted_in_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in OWN_WORDS:
        monkeypatch.delenv(word, raising=False)
    assert keep_freed_memory(CPU)
    faults_of(SETTLING)
    assert faults_of(10) < PAGES


@on_glibc
def test_what_a_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, OWN_WORDS[0], "131072")
    assert not keep_freed_memory(CPU)


def test_on_an_accelerator_the_host_is_left_alone() -> None:
    assert not keep_freed_memory(torch.device("cuda"))
