"""Objectives by name."""

from typing import Any

from .balance import Balance
from .bottleneck import Bottleneck
from .calibration import Calibration
from .complement import Complement
from .contrastive import BYOL, InfoNCE
from .denoising import Denoising
from .masked import MaskedReconstruction
from .physics import BeerLambert, Derivative, NonNegativity, PeakSymmetry, Smoothness
from .sinkhorn import Sinkhorn
from .wasserstein import Wasserstein

OBJECTIVES: dict[str, Any] = {
    "masked": MaskedReconstruction,
    "denoising": Denoising,
    "byol": BYOL,
    "infonce": InfoNCE,
    "bottleneck": Bottleneck,
    "sinkhorn": Sinkhorn,
    "wasserstein": Wasserstein,
    "smoothness": Smoothness,
    "non_negativity": NonNegativity,
    "derivative": Derivative,
    "peak_symmetry": PeakSymmetry,
    "beer_lambert": BeerLambert,
    "balance": Balance,
    "calibration": Calibration,
    "complement": Complement,
}
