"""Parameters that learn differently."""

MASK_TOKEN_RATE = 10  # times the learning rate of the rest
TOKENS = ("*.cls_token", "*.domain_token", "*.position.*")
SCALES = ("*bias", "*norm*", "*.D")
# What the poles of a state-space block are made of, in the letters of its paper.
POLES = ("*.nu", "*.phi", "*.A", "*.G", "*.dt", "*.log_*", "*.frequency")


def parameter_groups(learning_rate: float) -> list[tuple[str, dict]]:
    """Return skorch's groups: the first pattern that fits a name counts, the rest decays.

    The mask token is one vector behind a third of all tokens: it learns ten times as fast.
    Pulling it, positions, norms or poles towards zero would change what they say, not how
    complex the network is.
    """
    return [
        ("*.mask_token", {"lr": MASK_TOKEN_RATE * learning_rate, "weight_decay": 0.0}),
        *((pattern, {"weight_decay": 0.0}) for pattern in (*TOKENS, *SCALES, *POLES)),
    ]
