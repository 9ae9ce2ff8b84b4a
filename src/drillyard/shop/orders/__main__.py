"""
`python -m drillyard.shop.orders` runs the service.
"""

from drillyard.shop.orders.program import main

raise SystemExit(main())
