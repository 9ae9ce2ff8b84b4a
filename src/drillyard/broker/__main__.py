"""`python -m drillyard.broker` runs the broker."""

import sys

from drillyard.broker.server import main

sys.exit(main(sys.argv[1:]))
