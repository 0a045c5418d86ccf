"""Conversations recorded with pyOCD's own server, replayed against the whole stack."""

import pathlib

import pytest
from stack import LOOPBACK
from transcript_replay import replay

TRANSCRIPTS = sorted((pathlib.Path(__file__).parent.parent / "transcripts").glob("*.jsonl"))


def test_there_are_transcripts():
    assert TRANSCRIPTS


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_replay(make_stack, transcript):
    flags = ["--memory-interface", "on"] if "memif1" in transcript.stem else []
    stack = make_stack(gateway_flags=flags)
    assert replay(LOOPBACK, stack.port, transcript) == []
