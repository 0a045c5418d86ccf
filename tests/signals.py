"""The signals that this process was told to ignore when it was started, as `nohup`, a job in the background or a CI runner do."""

import signal

# Python ignores these itself, and gives a program that it starts their default action back.
PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}


def start_programs_with_defaults():
    """From here on each program that this process starts has every signal's default action: an ignored signal stays ignored in
    what is started, one with a handler does not. This process goes on ignoring them."""
    for number in signal.valid_signals() - PYTHONS_OWN:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ignore)


def _ignore(number, frame):
    pass
