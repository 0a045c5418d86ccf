"""What holds for every Python test, in whatever folder."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
import signals

signals.start_programs_with_defaults()
