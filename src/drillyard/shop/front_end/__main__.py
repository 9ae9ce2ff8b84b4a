"""
`python -m drillyard.shop.front_end`.
"""

import sys

from drillyard.shop.front_end.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
