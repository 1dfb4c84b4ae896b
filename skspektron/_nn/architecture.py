"""Parts and sizes of the network."""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from .._parameters import (
    BOOLEAN,
    Choice,
    Integer,
    Number,
    Rules,
    check_arguments,
    check_parameters,
    declares,
)

CHOICES = {
    "tokenizer": ("patch", "raw", "wavelet"),
    "position": ("continuous", "learned", "sinusoidal"),
    "normalize": (None, "median", "area", "snv", "derivative", "snv+derivative"),
    "derivative_scale": ("calibration", "corpus"),
    "backbone": ("dlinoss", "mamba", "s4d", "transformer", "cnn"),
    "stability": ("poles", "clamp"),
    "mask_mode": ("token", "drop"),
    "latent": ("plain", "sphere", "vib"),
    "decoder": ("linear", "correction", "latent", "grid"),
}
RECURRENT_BACKBONES = ("dlinoss", "mamba", "s4d")
WAVELET_SPAN, WAVELET_STRIDE = 32, 16  # channels
DOMAINS = ("NIR", "IR", "RAMAN", "UNKNOWN")  # in the order of their indices


@dataclass(frozen=True)
class Architecture:
    """Parts and sizes of the network that `SpektronPretrainer` trains; stored with its weights.

    A tokenizer and a positional encoding turn a spectrum into tokens, which a backbone and optional
    expert and attention layers transform. The output is pooled to a latent vector; a decoder
    reconstructs the hidden channels.

    Parameters
    ----------
    tokenizer : {"patch", "raw", "wavelet"}
        How spectra become tokens. "patch": one token per `patch_length` channels. "raw": one
        token per channel, by a convolution over `kernel_length` channels. "wavelet": one token
        per window of 32 channels, 16 apart, of the Daubechies-4 wavelet transform. Hidden
        channels are blanked before tokens are formed.
    patch_length : int
        Number of channels hidden together, and of channels per token with "patch".
    kernel_length : int
        Channels under the convolution of the "raw" tokenizer; odd.
    position : {"continuous", "learned", "sinusoidal"}
        Positional encoding. "continuous": sines and cosines of the wavenumbers of a token,
        valid on any grid. "learned": a trained vector per token index. "sinusoidal": sines and
        cosines of the token index.
    n_channels : int or None
        Number of channels of every spectrum. Needed by learned positions and by the "latent"
        decoder, which accept one grid only. None: taken from the training spectra.
    normalize : {None, "median", "area", "snv", "derivative", "snv+derivative"}
        What the tokenizer reads: spectra unchanged, divided by the median or the area of their
        visible channels, after SNV, their first derivative without SNV, or both of the latter.
    derivative_scale : {"calibration", "corpus"}
        What derivatives are divided by: their size in the spectra of an embedder's `fit` (in
        pretraining: of the instrument), or in all spectra of pretraining.
    cls_token, domain_token : bool
        Prepend a token that summarizes the spectrum; a token for near infrared, infrared or Raman.
    backbone : {"dlinoss", "mamba", "s4d", "transformer", "cnn"}
        Type of the blocks between tokens and heads.
    d_model : int
        Width of a token; even.
    d_state : int
        Number of oscillators of a D-LinOSS layer, both directions together; number of states
        per channel in "mamba" and "s4d".
    n_layers : int
        Number of backbone blocks.
    bidirectional : bool
        Whether half of each recurrent layer ("dlinoss", "mamba", "s4d") runs from the last
        token to the first.
    damping : bool
        Whether the oscillators of D-LinOSS are damped.
    stability : {"poles", "clamp"}
        How D-LinOSS is kept stable. "poles": the parameters are the poles, which are stable by
        construction. "clamp": the parameters are frequency, damping and step size, and the
        recurrence is clamped to its stable range.
    n_experts : int
        Number of feed-forward experts in the layer between backbone and attention. 0: no such
        layer. 1: a plain feed-forward layer.
    n_active_experts : int
        Number of experts that each token is routed to; at least 2.
    kan : bool
        Whether experts are Kolmogorov-Arnold layers of splines.
    n_attention_layers : int
        Number of transformer blocks after the backbone and the experts.
    n_heads, d_feedforward : int
        Number of attention heads and hidden width of transformer blocks.
    d_expert : int or None
        Hidden width of an expert. None: `d_feedforward`.
    mask_mode : {"token", "drop"}
        "token": hidden tokens are replaced by a mask token. "drop": they are removed from the
        encoder input, which needs backbone "transformer" and decoder "latent" or "grid".
    latent : {"plain", "sphere", "vib"}
        Latent of a spectrum. "plain": the CLS token or the mean of the tokens. "sphere": its
        linear projection to the unit sphere. "vib": a variational information bottleneck with
        one part for the chemistry and one for the instrument.
    d_latent, d_instrument : int
        Width of the latent with "sphere" and "vib", and of the instrument part with "vib".
    decoder : {"linear", "correction", "latent", "grid"}
        How channels are reconstructed. "linear": from their own token. "correction": by linear
        interpolation of the visible channels, plus a value and a fraction of the bend of a cubic
        polynomial, both linear in their own token and zero before training. The tokenizer then
        reads how the interpolated spectrum departs from straight lines through 33 channels, in
        units of the root mean square, which is also the unit of the added value. "latent":
        from the latent alone. "grid": from all tokens, at any wavenumber.
    d_decoder : int or None
        Hidden width of the "latent" decoder. None: a linear decoder.
    n_decoder_layers : int
        Number of layers of the "grid" decoder.
    dropout : float
        Fraction of activations set to zero in training.

    Raises
    ------
    ValueError
        If a name is unknown, a size is not valid, or the parts are incompatible.

    Examples
    --------
    >>> from skspektron.foundation import Architecture
    >>> Architecture(patch_length=8, d_model=64).n_layers
    4
    """

    _parameters: ClassVar[Rules] = {
        **{name: Choice(values) for name, values in CHOICES.items()},
        "patch_length": Integer(1),
        "d_model": Integer(1),
        "d_state": Integer(1),
        "n_layers": Integer(0),
        "bidirectional": BOOLEAN,
        "n_channels": Integer(1) | None,
        "cls_token": BOOLEAN,
        "domain_token": BOOLEAN,
        "damping": BOOLEAN,
        "n_experts": Integer(0),
        "n_active_experts": Integer(1),
        "kan": BOOLEAN,
        "n_attention_layers": Integer(0),
        "n_heads": Integer(1),
        "d_feedforward": Integer(1),
        "d_expert": Integer(1) | None,
        "d_latent": Integer(1),
        "d_instrument": Integer(1),
        "d_decoder": Integer(1) | None,
        "n_decoder_layers": Integer(1),
        "kernel_length": Integer(1, odd=True),
        "dropout": Number(at_least=0, below=1),
    }

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
    derivative_scale: str = "calibration"
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
    @declares(
        width=Number(above=0, way_out="Pass the width of a band."),
        step=Number(above=0, way_out="Pass the distance of two channels."),
    )
    def from_patch_width(cls, width: float, *, step: float, **sizes: Any) -> "Architecture":
        """Return an architecture with patches about `width` wide on an axis with this `step`.

        Both are in nm or both in cm-1. A good width is that of one band at half maximum, 20 to 50
        cm-1 in condensed phases: narrower patches are easily interpolated, wider ones mix bands.
        """
        check_arguments(cls.from_patch_width, locals())
        if width < step / 2:
            raise ValueError(
                f"width must be at least half of step={step}, got {width}. "
                "Pass both in the same unit."
            )
        return cls(patch_length=max(round(width / step), 1), **sizes)

    @property
    def window(self) -> tuple[int, int]:
        """Number of channels of a token, and distance from one token to the next in channels."""
        return {
            "patch": (self.patch_length, self.patch_length),
            "raw": (1, 1),
            "wavelet": (WAVELET_SPAN, WAVELET_STRIDE),
        }[self.tokenizer]

    def n_tokens(self, n_channels: int) -> int:
        """Return the number of tokens of a spectrum of `n_channels`."""
        return n_windows(n_channels, *self.window)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the tokenizer reads: "snv", "derivative", both, "curvature" or "scaled" spectra."""
        if self.decoder == "correction":
            return ("curvature",)
        names = (self.normalize or "").split("+")
        return ("scaled",) if names[0] in ("", "median", "area") else tuple(names)

    @property
    def depth(self) -> int:
        """Number of blocks, experts and attention included."""
        return self.n_layers + (self.n_experts > 0) + self.n_attention_layers

    @property
    def one_grid(self) -> bool:
        """Whether the network accepts spectra of `n_channels` only."""
        return self.position == "learned" or self.decoder == "latent"

    def for_channels(self, n_channels: int) -> "Architecture":
        """Return the architecture for spectra of `n_channels`, if it accepts that number."""
        if not self.one_grid or self.n_channels == n_channels:
            return self
        if self.n_channels is None:
            return replace(self, n_channels=n_channels)
        raise ValueError(
            f"The spectra have {n_channels} channels, the network accepts {self.n_channels} only. "
            "Pass spectra on the training grid, or train with position='continuous' and a decoder "
            "other than 'latent'."
        )

    def __post_init__(self):
        check_parameters(self)
        for field in fields(self):  # numpy scalars as Python numbers, which JSON can store
            value = getattr(self, field.name)
            if hasattr(value, "item"):
                object.__setattr__(self, field.name, value.item())
        for is_wrong, message in (
            *self._invalid_sizes(),
            *self._irrelevant_options(),
            *self._incompatible_parts(),
        ):
            if is_wrong:
                raise ValueError(message)

    def _invalid_sizes(self):
        """Return conditions under which sizes are not valid, each with its error message."""
        attends = (
            self.backbone == "transformer" or self.n_attention_layers or self.decoder == "grid"
        )
        return (
            (self.d_model % 2, f"d_model must be even, got {self.d_model}. Pass 128, the default."),
            (
                self.bidirectional and self.backbone == "dlinoss" and self.d_state % 2,
                f"d_state must be even in a bidirectional layer, got {self.d_state}. "
                "Pass an even number or bidirectional=False.",
            ),
            (
                attends and self.d_model % self.n_heads,
                f"d_model must be a multiple of n_heads={self.n_heads}, got {self.d_model}. "
                "Pass a number of heads that divides d_model.",
            ),
            (
                self.n_experts > 1 and not 2 <= self.n_active_experts <= self.n_experts,
                f"n_active_experts must be between 2 and n_experts={self.n_experts}, got "
                f"{self.n_active_experts}. Pass 2, the default: the gate of a single active "
                "expert is always 1 and has no gradient.",
            ),
        )

    def _irrelevant_options(self):
        """Yield conditions under which options have no effect, each with its error message."""
        dlinoss, recurrent = self.backbone == "dlinoss", self.backbone in RECURRENT_BACKBONES
        corrects, has_derivative = self.decoder == "correction", "derivative" in self.inputs
        options = (  # name, whether it has an effect, what that depends on, way out
            ("kan", self.n_experts, "n_experts", "n_experts=1"),
            ("normalize", not corrects, "decoder", "another decoder"),
            ("derivative_scale", has_derivative, "normalize", "normalize='snv+derivative'"),
            ("damping", dlinoss, "backbone", "backbone='dlinoss'"),
            ("stability", dlinoss, "backbone", "backbone='dlinoss'"),
            ("bidirectional", recurrent, "backbone", "a recurrent backbone"),
            ("d_decoder", self.decoder == "latent", "decoder", "decoder='latent'"),
        )
        for name, matters, other, way_out in options:
            value, default = getattr(self, name), getattr(Architecture, name)
            yield (
                not matters and value != default,
                f"{name} must be {default!r} with {other}={getattr(self, other)!r}, got "
                f"{value!r}. Omit it, or pass {way_out}.",
            )

    def _incompatible_parts(self):
        """Return conditions under which parts are incompatible, each with its error message."""
        both_ways = self.backbone in RECURRENT_BACKBONES and self.bidirectional
        first_sees_all = self.n_layers > 0 and (self.backbone == "transformer" or both_ways)
        return (
            (
                not self.damping and self.stability == "clamp",
                "stability must be 'poles' with damping=False, got 'clamp'. Pass damping=True.",
            ),
            (
                self.cls_token and not (first_sees_all or self.n_attention_layers),
                "cls_token must be False if the first token does not depend on all others, got "
                f"True with backbone={self.backbone!r}, n_layers={self.n_layers} and "
                f"bidirectional={self.bidirectional}. Pass n_attention_layers=1.",
            ),
            (
                self.mask_mode == "drop" and self.backbone != "transformer",
                f"mask_mode must be 'token' with backbone={self.backbone!r}, got 'drop'. "
                "Pass backbone='transformer'.",
            ),
            (
                self.mask_mode == "drop" and self.decoder in ("linear", "correction"),
                f"mask_mode must be 'token' with decoder={self.decoder!r}, got 'drop'. "
                "Pass decoder='latent' or decoder='grid'.",
            ),
        )


def n_windows(n_channels: int, span: int, stride: int) -> int:
    """Return the number of windows of `span` channels, `stride` apart, in `n_channels`."""
    return 1 + -(-max(n_channels - span, 0) // stride)
