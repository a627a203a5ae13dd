"""The group of facts about the order of the examples: whether neighbours are more alike than chance makes them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OrderFacts:
    """In what order the training examples are drawn, as their targets tell it."""

    alike: float
    """How alike the targets of neighbours are, up to 1: of classes, the share of neighbours with the same label; of
    numbers, 1 less half their mean squared difference over the variance."""
    by_chance: float
    """The same in a shuffled order: Σ p² of classes, 0 of numbers."""
    neighbours: int
    """Pairs of neighbours behind it."""
    classes: bool
    by_design: bool = False
    """The task says that the order of its examples matters."""
    thrice_by_chance: float = 0.0
    """Σ p³ of classes: how often three in a row share a label in a shuffled order; 0 of numbers."""

    @property
    def excess(self) -> float:
        """How far the order is from a shuffled one: 0 shuffled, 1 sorted. NaN where all targets are alike."""
        return (self.alike - self.by_chance) / (1 - self.by_chance) if self.by_chance < 1 else float("nan")

    @property
    def chance_error(self) -> float:
        """Standard error of `excess` by chance: of a share, or of von Neumann's ratio."""
        if self.by_chance >= 1:
            return float("nan")
        share = self._spread_of_a_pair if self.classes else 1.0
        return float(share / (1 - self.by_chance) / max(self.neighbours, 1) ** 0.5)

    @property
    def _spread_of_a_pair(self) -> float:
        """What a pair of neighbours adds to the spread of their share.

        An example has two neighbours, and one of a rare class differs from both: pairs come and go together where
        classes are uneven (Wald and Wolfowitz 1940, «On a test whether two samples are from the same
        population»: the count of runs).
        """
        together = max(self.thrice_by_chance - self.by_chance**2, 0.0)
        return float((self.by_chance * (1 - self.by_chance) + 2 * together) ** 0.5)
