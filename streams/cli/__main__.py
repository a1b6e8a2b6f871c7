"""`python -m streams.cli`, where the command is not installed."""

import sys

from streams.cli import main

sys.exit(main())
