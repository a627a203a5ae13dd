"""A loop that starves for its data, for the tests of the rules that say why, and the loops of which they all are silent."""

import pytest

LOADER = {"wait_share": 0.5, "wait_s": 0.03, "fetch_s": 0.06, "workers": 1}
"""Half of each step waits for one worker."""

NOT_STALLED = (
    pytest.param({"loader": {"wait_share": 0.02, "wait_s": 0.001}}, id="the loop hardly waits"),
    pytest.param({"run": {"step": 995}}, id="nothing is left to be saved"),
    pytest.param({"run": {"step": 10}}, id="young"),
)
"""Changes of the starved loop after which there is no stall to explain."""
