"""How long a program may take to end."""

import signal

from stack import BOUND

# From SIGTERM to the end, in seconds: docs/architecture.md, "How a program ends".
LONGEST_END = {"probegate-server": 15, "probegate-gateway": 10, "probegate-debugd": 30}
# For a loaded machine. The times are upper bounds, so a test may wait longer, but not for ever.
SLACK = BOUND / 3


def ends_on_sigterm(process, name):
    """It ends within its bound, with code 0, or with code 1 if it says that the bound has cut it short."""
    process.send_signal(signal.SIGTERM)
    code = process.wait(LONGEST_END[name] + SLACK)
    assert code in (0, 1), f"{name}: {code}"
    return code
