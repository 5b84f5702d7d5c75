"""Sanity checks: short questions whose answers a program can judge, asked of any model like unit tests.

`python -m shared.checks --model REF` runs them from a shell.
"""

from shared.checks.checkers import CHECKERS as CHECKERS
from shared.checks.checkers import judge as judge
from shared.checks.junit import junit as junit
from shared.checks.manifest import Check as Check
from shared.checks.manifest import axes as axes
from shared.checks.manifest import checks as checks
from shared.checks.manifest import chosen as chosen
from shared.checks.results import Change as Change
from shared.checks.results import Matrix as Matrix
from shared.checks.results import Result as Result
from shared.checks.results import Results as Results
from shared.checks.results import Total as Total
from shared.checks.results import changes as changes
from shared.checks.running import run as run
from shared.checks.running import run_all as run_all
from shared.checks.verdicts import Verdict as Verdict
from shared.models.asking import Asked as Asked
