from ._filters import FilterDisplay as FilterDisplay
from ._kernel_classes import KernelClasses as KernelClasses
from ._kernel_classes import classify_kernels as classify_kernels
from ._kernels import PatchKernelDisplay as PatchKernelDisplay
from ._oscillator_bank import OscillatorBank as OscillatorBank
from ._reconstruction import ReconstructionDisplay as ReconstructionDisplay
