"""Codes of findings that one cause can bring forth, where several rules name the same ones."""

RUNAWAY = ("NUM101", "NUM102", "NUM103", "ARC102", "OPT101", "OPT105", "OPT106", "OPT110")
"""Of losses and gradients that grow."""
STUCK = (
    "OPT102", "OPT103", "OPT104", "OPT107", "OPT109", "OPT115", "ARC101", "ARC103", "ARC104", "GEN103", "DAT101",
)  # fmt: skip
"""Of a net that learns little or nothing; what is rare is learned last."""
MISJUDGED = ("DAT102", "GEN101", "GEN102", "GEN104", "SIZ101")
"""Of what is said about a model whose training was never right: memorising, wrong labels, when to stop, how small."""
