"""
`python -m drillyard.shop.catalogue` runs the service.
"""

import sys

from drillyard.shop.catalogue.program import main

raise SystemExit(main(sys.argv[1:]))
