"""Set-up for the Python tests in all folders."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
import signals

signals.start_programs_with_defaults()
