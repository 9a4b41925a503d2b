"""``python -m chorale_utils`` is the command line, ``chorale``."""

import sys

from .command import main

sys.exit(main())
