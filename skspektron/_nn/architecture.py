"""The sizes of a network, stored in every checkpoint."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network that `SpektronPretrainer` trains; stored in every file of weights.

    Parameters
    ----------
    patch_length : int
        Channels of one token.
    d_model : int
        Width of a token; even, since its position is sines and cosines.
    d_state : int
        Oscillators of one D-LinOSS layer, both directions together.
    n_layers : int
        D-LinOSS blocks.
    bidirectional : bool
        Half of the oscillators of a layer run from high to low wavenumber.
    dropout : float
        Share of a block's activations dropped in training.

    Raises
    ------
    ValueError
        If a size is no count, `d_model` is odd, `d_state` is odd in a bidirectional network, or
        `dropout` is not a share.

    Examples
    --------
    >>> from skspektron.foundation import Architecture
    >>> Architecture(patch_length=8, d_model=64).n_layers
    4
    """

    patch_length: int = 16
    d_model: int = 128
    d_state: int = 128
    n_layers: int = 4
    bidirectional: bool = True
    dropout: float = 0.0

    @classmethod
    def from_patch_width(cls, width: float, *, step: float, **sizes) -> "Architecture":
        """Return sizes whose patches are about `width` wide on an axis with this `step`.

        Both are in one unit, nm or cm-1. A patch of one band's width at half maximum, 20 to 50
        cm-1 in condensed phases, can neither be interpolated across nor blurs several bands.
        """
        if not (step > 0 and width >= step / 2):
            raise ValueError(
                f"width is {width} and step is {step}. Pass a patch of at least one step."
            )
        return cls(patch_length=max(round(width / step), 1), **sizes)

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 1):
                raise ValueError(
                    f"{field.name} is {value!r}. It counts something: pass an int of at least 1."
                )
        if self.d_model % 2:
            raise ValueError(f"d_model is {self.d_model}. Pass an even width.")
        if self.bidirectional and self.d_state % 2:
            raise ValueError(
                f"d_state is {self.d_state}. A bidirectional layer splits it in halves: "
                "pass an even number or bidirectional=False."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}. Pass a share from 0 to below 1.")


PRESETS = {
    "tiny": Architecture(patch_length=8, d_model=16, d_state=16, n_layers=1),
    "small": Architecture(),
}


def resolve_architecture(architecture) -> Architecture:
    """Return the dataclass behind a preset's name, or the dataclass itself."""
    if isinstance(architecture, Architecture):
        return architecture
    if isinstance(architecture, str) and architecture in PRESETS:
        return PRESETS[architecture]
    raise ValueError(
        f"architecture is {architecture!r}. Pass one of {', '.join(map(repr, PRESETS))} "
        "or an Architecture."
    )
