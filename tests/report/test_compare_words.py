"""What a comparison writes: numbers that agree with their verdicts, names that fit."""

from hypothesis import assume, given
from hypothesis import strategies as st

from advisor.compare import told
from advisor.compare.schema import Kind, Quantity


@given(
    st.floats(-2, 2).filter(lambda number: number == 0 or abs(number) > 1e-6),
    st.floats(1e-6, 2),
    st.sampled_from(["metric", "time"]),
)
def test_what_is_written_of_a_change_never_contradicts_its_verdict(change: float, noise: float, kind: Kind) -> None:
    assume(abs(change) == noise or abs(abs(change) - noise) > 1e-9)
    base = 0.5
    one = Quantity(
        name="validation", title="validation loss", kind=kind, unit="" if kind == "metric" else "s",
        higher_is_better=True, base=base, value=base + change, difference=change, low=change - noise,
        high=change + noise, noise=noise, told_by="", verdict="worse",
    )  # fmt: skip
    seen, beyond = (abs(float(part.rstrip("%"))) for part in told.change(one).split(" ± "))
    assert (seen > beyond) == (abs(change) > noise)


def test_a_change_that_is_just_beyond_its_noise_is_written_so_that_one_sees_it() -> None:
    one = Quantity(
        name="validation", title="validation accuracy", kind="metric", unit="", higher_is_better=True, base=0.9412,
        value=0.9188, difference=-0.0224, low=-0.0441, high=-0.0007, noise=0.0217, told_by="", verdict="worse",
    )  # fmt: skip
    assert told.change(one) == "-0.0224 ± 0.0217"
    assert told.value(one, one.base) == "0.9412"


def test_long_names_that_begin_alike_are_told_apart_by_what_differs() -> None:
    names = "2026-11-23T14-06-18_mine", "2026-11-23T14-06-45_mine"
    assert told.headings(*names) == ("…18_mine", "…45_mine")
    assert told.headings("base", "other") == ("base", "other")
    assert told.headings("a_run_with_a_long_name", "another_one_with_one") == (
        "a_run_with_a_long_name",
        "another_one_with_one",
    )
