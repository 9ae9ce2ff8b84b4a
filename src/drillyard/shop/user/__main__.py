"""
`python -m drillyard.shop.user` runs the service.
"""

import sys

from drillyard.shop.user.program import main

raise SystemExit(main(sys.argv[1:]))
