"""``python -m chorale_utils`` is the command line, ``chorale``."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
