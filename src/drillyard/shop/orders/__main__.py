"""
`python -m drillyard.shop.orders` runs the service.
"""

import sys

from drillyard.shop.orders.program import main

raise SystemExit(main(sys.argv[1:]))
