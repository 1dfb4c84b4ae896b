"""The parameters of a training run."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: how long, in which batches, at which rates, with which seed.

    The length is given in steps or in epochs (passes over the rows). In epochs, the learning rate
    rises over the first one, and the history has one record an epoch.
    """

    seed: int
    device: str
    batch_size: int  # rows in an optimizer step
    learning_rate: float  # of AdamW, at its peak
    max_steps: int | None = None
    max_epochs: int | None = None
    weight_decay: float = 0.0
    warmup_steps: int = 0  # over which the learning rate rises, before it falls along a cosine
    report_every: int = 1  # steps between records
    micro_batch_size: int | None = None  # most rows in one forward pass; None: all of a step
    precision: str = "float32"  # of the forward pass: "float32" or "bfloat16"
    ema_decay: float | None = None  # of the moving average of the weights; None: no average
    n_iter_no_change: int | None = None  # records without improvement; None: no early stopping
    validation_fraction: float = 0.1  # of the rows, held out for early stopping
    verbose: int = 0

    def in_steps(self, n_rows: int) -> "Recipe":
        """Return the recipe with its length in steps, for training on `n_rows` rows."""
        if self.max_epochs is None:
            return self
        n_steps = -(-n_rows // self.batch_size)  # of an epoch
        return replace(
            self,
            max_steps=self.max_epochs * n_steps,
            max_epochs=None,
            warmup_steps=n_steps,
            report_every=n_steps,
        )
