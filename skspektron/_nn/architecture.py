"""The parts and sizes of a network, stored in every checkpoint."""

from dataclasses import dataclass, fields, replace
from typing import Any

CHOICES = {
    "tokenizer": ("patch", "raw", "wavelet"),
    "position": ("continuous", "learned", "sinusoidal"),
    "normalize": (None, "median", "area"),
    "backbone": ("dlinoss", "mamba", "s4d", "transformer", "cnn"),
    "stability": ("poles", "clamp"),
    "mask_mode": ("token", "drop"),
    "latent": ("plain", "sphere", "vib"),
    "decoder": ("linear", "latent", "grid"),
}
RECURRENT = ("dlinoss", "mamba", "s4d")  # backbones that run along the tokens
OPTIONAL = ("n_channels", "d_expert", "d_decoder")  # None, or a count
MAY_BE_ZERO = ("n_layers", "n_attention_layers", "n_experts")
WAVELET_SPAN, WAVELET_STRIDE = 32, 16  # channels
DOMAINS = ("NIR", "IR", "RAMAN", "UNKNOWN")  # numbered in this order


@dataclass(frozen=True)
class Architecture:
    """Parts and sizes of the network that `SpektronPretrainer` trains; stored with its weights.

    A spectrum becomes tokens (`tokenizer`, `position`), passes a backbone (`backbone`,
    `n_layers`), then expert and attention layers where there are any, and is read as a latent
    and reconstructed by a decoder.

    Parameters
    ----------
    tokenizer : {"patch", "raw", "wavelet"}
        What becomes a token: a patch of `patch_length` channels; every channel, seen through a
        convolution of `kernel_length`; or windows of 32 channels, 16 apart, of the Daubechies-4
        wavelet transform. All of them see what is left when the hidden channels are blanked.
    patch_length : int
        Channels that are hidden together; with "patch", those of one token.
    kernel_length : int
        Channels of the convolution of the "raw" tokenizer; odd.
    position : {"continuous", "learned", "sinusoidal"}
        Where a token lies: sines of its wavenumbers, which carry over to any grid, or a trained
        or fixed vector for its number in the row.
    n_channels : int or None
        Channels of every spectrum, for learned positions and for the "latent" decoder, which
        know no other grid; None: the pretrainer takes it from its spectra.
    normalize : {None, "median", "area"}
        Divide every spectrum by the median or the area of what is visible of it.
    cls_token, domain_token : bool
        Put a token in front that collects the spectrum; one that says near infrared, infrared
        or Raman.
    backbone : {"dlinoss", "mamba", "s4d", "transformer", "cnn"}
        Blocks between tokens and heads.
    d_model : int
        Width of a token; even.
    d_state : int
        Oscillators of one D-LinOSS layer, both directions together; states a channel in
        "mamba" and "s4d".
    n_layers : int
        Blocks of the backbone.
    bidirectional : bool
        Half of a recurrent layer ("dlinoss", "mamba", "s4d") runs from the last token to the
        first.
    damping : bool
        Whether the oscillators of D-LinOSS are damped.
    stability : {"poles", "clamp"}
        How D-LinOSS stays stable: its poles are the parameters, or frequency and damping are
        and the step is clamped.
    n_experts : int
        Feed-forward networks between backbone and attention, of which every token takes
        `n_active_experts`; 0: no such layer, 1: a plain one.
    n_active_experts : int
        Experts a token takes, 2 or more.
    kan : bool
        Experts are Kolmogorov-Arnold layers of splines.
    n_attention_layers : int
        Transformer blocks on top.
    n_heads, d_feedforward : int
        Attention heads, and width inside transformer blocks.
    d_expert : int or None
        Width inside an expert; None: `d_feedforward`.
    mask_mode : {"token", "drop"}
        Hidden tokens become a mask token, or the encoder does not get them; the latter with
        the "transformer" backbone and a decoder that does not need them.
    latent : {"plain", "sphere", "vib"}
        What a spectrum is read as: the CLS token or mean token; a linear map of it to the unit
        sphere; or a variational bottleneck of a chemistry and an instrument part.
    d_latent, d_instrument : int
        Sizes of the latent of "sphere" and "vib", and of the instrument part.
    decoder : {"linear", "latent", "grid"}
        From what hidden channels are reconstructed: each from its token; all from the latent; or
        from all tokens, asked at any wavenumber.
    d_decoder : int or None
        Hidden width of the "latent" decoder; None: one linear map.
    n_decoder_layers : int
        Blocks of the "grid" decoder.
    dropout : float
        Share of a block's activations dropped in training.

    Raises
    ------
    ValueError
        If a name is unknown, a size is no count, or parts do not go together.

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
    tokenizer: str = "patch"
    kernel_length: int = 15
    position: str = "continuous"
    n_channels: int | None = None
    normalize: str | None = None
    cls_token: bool = False
    domain_token: bool = False
    backbone: str = "dlinoss"
    damping: bool = True
    stability: str = "poles"
    n_experts: int = 0
    n_active_experts: int = 2
    kan: bool = False
    n_attention_layers: int = 0
    n_heads: int = 4
    d_feedforward: int = 512
    d_expert: int | None = None
    mask_mode: str = "token"
    latent: str = "plain"
    d_latent: int = 64
    d_instrument: int = 64
    decoder: str = "linear"
    d_decoder: int | None = None
    n_decoder_layers: int = 1

    @classmethod
    def from_patch_width(cls, width: float, *, step: float, **sizes: Any) -> "Architecture":
        """Return sizes whose patches are about `width` wide on an axis with this `step`.

        Both are in one unit, nm or cm-1. A patch of one band's width at half maximum, 20 to 50
        cm-1 in condensed phases, can neither be interpolated across nor blurs several bands.
        """
        if not (step > 0 and width >= step / 2):
            raise ValueError(
                f"width is {width} and step is {step}. Pass a patch of at least one step."
            )
        return cls(patch_length=max(round(width / step), 1), **sizes)

    @property
    def window(self) -> tuple[int, int]:
        """Span of a token and step to the next, in channels."""
        return {
            "patch": (self.patch_length, self.patch_length),
            "raw": (1, 1),
            "wavelet": (WAVELET_SPAN, WAVELET_STRIDE),
        }[self.tokenizer]

    def n_tokens(self, n_channels: int) -> int:
        """Return how many tokens stand for `n_channels`."""
        return n_windows(n_channels, *self.window)

    @property
    def depth(self) -> int:
        """Blocks that a token passes."""
        return self.n_layers + (self.n_experts > 0) + self.n_attention_layers

    @property
    def one_grid(self) -> bool:
        """Whether the network knows spectra of `n_channels` only."""
        return self.position == "learned" or self.decoder == "latent"

    def for_channels(self, n_channels: int) -> "Architecture":
        """Return the sizes for spectra of `n_channels`; another number is refused."""
        if not self.one_grid or self.n_channels == n_channels:
            return self
        if self.n_channels is None:
            return replace(self, n_channels=n_channels)
        raise ValueError(
            f"The spectra have {n_channels} channels, the network was made for {self.n_channels}. "
            "Pass such spectra, or a network with continuous positions and another decoder than "
            "'latent'."
        )

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}. "
                    f"Pass one of {', '.join(map(repr, choices))}."
                )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is bool and type(value) is not bool:
                raise ValueError(f"{field.name} is {value!r}. Pass True or False.")
            if field.name in OPTIONAL and value is None:
                continue
            least = 0 if field.name in MAY_BE_ZERO else 1
            counted = field.type is int or field.name in OPTIONAL
            if counted and (type(value) is not int or value < least):
                raise ValueError(
                    f"{field.name} is {value!r}. It counts something: pass an int of at least "
                    f"{least}."
                )
        for wrong, sentence in (
            *self._sizes_that_cannot_be(),
            *self._options_of_other_parts(),
            *self._parts_that_do_not_meet(),
        ):
            if wrong:
                raise ValueError(sentence)

    def _sizes_that_cannot_be(self):
        """Return conditions on sizes, and the sentence for each that is met."""
        attends = (
            self.backbone == "transformer" or self.n_attention_layers or self.decoder == "grid"
        )
        return (
            (self.d_model % 2, f"d_model is {self.d_model}. Pass an even width."),
            (
                self.kernel_length % 2 == 0,
                f"kernel_length is {self.kernel_length}. Pass an odd number of channels.",
            ),
            (
                self.bidirectional and self.backbone == "dlinoss" and self.d_state % 2,
                f"d_state is {self.d_state}. A bidirectional layer splits it in halves: "
                "pass an even number or bidirectional=False.",
            ),
            (
                attends and self.d_model % self.n_heads,
                f"d_model is {self.d_model} and n_heads is {self.n_heads}. "
                "Pass a width that the heads divide.",
            ),
            (
                not 0 <= self.dropout < 1,
                f"dropout is {self.dropout}. Pass a share from 0 to below 1.",
            ),
            (
                self.n_experts > 1 and not 2 <= self.n_active_experts <= self.n_experts,
                f"n_active_experts is {self.n_active_experts} and n_experts is {self.n_experts}. "
                "Pass 2 or more, since a single one teaches the choice nothing, and at most as "
                "many as there are.",
            ),
        )

    def _options_of_other_parts(self):
        """Return conditions on options that would change nothing, and a sentence for each."""
        return (
            (
                self.kan and not self.n_experts,
                "kan=True makes experts of splines and n_experts is 0. Pass n_experts=1 or more.",
            ),
            (
                self.backbone != "dlinoss" and not (self.damping and self.stability == "poles"),
                f"damping and stability are those of D-LinOSS and backbone is {self.backbone!r}. "
                "Leave them out.",
            ),
            (
                self.backbone not in RECURRENT and not self.bidirectional,
                f"bidirectional=False runs recurrences one way and {self.backbone!r} is none. "
                "Leave it out.",
            ),
            (
                self.d_decoder is not None and self.decoder != "latent",
                f"d_decoder is the width of the 'latent' decoder and decoder is {self.decoder!r}. "
                "Leave it out.",
            ),
        )

    def _parts_that_do_not_meet(self):
        """Return conditions on pairs of parts, and a sentence for each."""
        both_ways = self.backbone in RECURRENT and self.bidirectional
        passed = self.n_layers > 0 and (self.backbone == "transformer" or both_ways)
        return (
            (
                not self.damping and self.stability == "clamp",
                "stability='clamp' clamps damped oscillators and damping is False. "
                "Pass one of the two.",
            ),
            (
                self.cls_token and not (passed or self.n_attention_layers),
                f"cls_token=True needs blocks in which the first token sees all others, and "
                f"{self.backbone!r} here does not. Pass bidirectional=True or "
                "n_attention_layers=1.",
            ),
            (
                self.mask_mode == "drop" and self.backbone != "transformer",
                f"mask_mode='drop' closes the gaps between tokens, which {self.backbone!r} reads "
                "as neighbours. Pass backbone='transformer'.",
            ),
            (
                self.mask_mode == "drop" and self.decoder == "linear",
                "mask_mode='drop' leaves no token to reconstruct a hidden patch from. "
                "Pass decoder='latent' or decoder='grid'.",
            ),
        )


def n_windows(n_channels: int, span: int, stride: int) -> int:
    """Return how many windows of `span` channels, `stride` apart, cover `n_channels`."""
    return 1 + -(-max(n_channels - span, 0) // stride)
