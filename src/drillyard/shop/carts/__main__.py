"""
`python -m drillyard.shop.carts` runs the service.
"""

from drillyard.shop.carts.program import main

raise SystemExit(main())
