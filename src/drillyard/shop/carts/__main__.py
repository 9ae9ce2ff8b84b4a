"""
`python -m drillyard.shop.carts` runs the service.
"""

import sys

from drillyard.shop.carts.program import main

raise SystemExit(main(sys.argv[1:]))
