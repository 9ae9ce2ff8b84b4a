"""
`python -m drillyard.shop.catalogue` runs the service.
"""

from drillyard.shop.catalogue.program import main

raise SystemExit(main())
