"""Which models can be compared: those that are joined by wins in both directions, however many steps it takes.

Where nobody of one group ever lost to anybody of another, the likeliest distance between the groups is infinite. Within a
strongly connected set the Bradley-Terry estimate exists and is unique (Ford, 1957, "Solution of a ranking problem from
binary comparisons", American Mathematical Monthly 64).
"""

import numpy as np
from numpy.typing import NDArray


def components(wins: NDArray[np.float64]) -> list[list[int]]:
    """The sets within which everybody can be compared with everybody, the largest first.

    Args:
        wins: Wins of the row's model over the column's, ties as half a win each. Shape (m, m).

    Returns:
        Numbers of the models of each set, ascending. A model that never won, or never lost, is a set of its own. Of two
        sets of one size, the one with more votes within comes first.
    """
    links = np.asarray(wins) > 0
    left, found = list(range(len(links))), list[list[int]]()
    while left:
        here = np.array(left)
        both = reach(links[np.ix_(here, here)]) & reach(links.T[np.ix_(here, here)])
        found.append(here[both].tolist())
        left = here[~both].tolist()
    return sorted(found, key=lambda one: (-len(one), -float(wins[np.ix_(one, one)].sum()), one))


def reach(links: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who can be reached from the first one, itself included. Shape (m,).

    Args:
        links: Whether a step leads from the row to the column. Shape (m, m).
    """
    reached = np.zeros(len(links), np.bool_)
    edge = np.array([0])
    while len(edge):
        reached[edge] = True
        edge = np.flatnonzero(links[edge].any(0) & ~reached)
    return reached
