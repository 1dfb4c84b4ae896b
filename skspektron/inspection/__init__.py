"""See inside a pretrained network: its filters, its kernels, its reconstructions."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_filters": ["FilterDisplay"],
        "_kernel_classes": ["KernelClasses", "classify_kernels"],
        "_kernels": ["PatchKernelDisplay"],
        "_oscillator_bank": ["OscillatorBank"],
        "_reconstruction": ["ReconstructionDisplay"],
    },
)
