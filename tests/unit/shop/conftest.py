"""
hypothesis measures no time here: these tests also run on machines that are busy with something else.
"""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("shop", deadline=None)
hypothesis.settings.load_profile("shop")
