"""Parameter groups with their own learning rate or weight decay."""

MASK_TOKEN_RATE = 10  # times the learning rate of the other parameters
TOKENS = ("*.cls_token", "*.domain_token", "*.position.*")
SCALES = ("*bias", "*norm*", "*.D")
# The parameters of the poles of state-space blocks, in the notation of their papers.
POLES = ("*.nu", "*.phi", "*.A", "*.G", "*.dt", "*.log_*", "*.frequency")


def parameter_groups(learning_rate: float) -> list[tuple[str, dict]]:
    """Return skorch's parameter groups; a parameter belongs to the first pattern that matches.

    Tokens, positions, biases, norms and poles have no weight decay. The mask token learns ten times
    as fast as the other parameters.
    """
    return [
        ("*.mask_token", {"lr": MASK_TOKEN_RATE * learning_rate, "weight_decay": 0.0}),
        *((pattern, {"weight_decay": 0.0}) for pattern in (*TOKENS, *SCALES, *POLES)),
    ]
