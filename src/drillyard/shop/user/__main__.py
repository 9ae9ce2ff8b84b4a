"""
`python -m drillyard.shop.user` runs the service.
"""

from drillyard.shop.user.program import main

raise SystemExit(main())
