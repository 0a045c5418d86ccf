"""Signals that this process ignores because it was started that way, by nohup, as a background job
or by a CI runner."""

import signal

# Python itself ignores these signals, and subprocess restores their default actions in the programs that it starts.
PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}


def start_programs_with_defaults():
    """Makes sure that programs started from here on have the default action for every signal. A new program inherits
    ignored signals but not handlers, so ignored signals get a handler that does nothing. This process continues to
    ignore them."""
    for number in signal.valid_signals() - PYTHONS_OWN:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ignore)


def _ignore(number, frame):
    pass
