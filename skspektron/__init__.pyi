from . import calibration as calibration
from . import cluster as cluster
from . import datasets as datasets
from . import foundation as foundation
from . import inspection as inspection
from . import io as io
from . import metrics as metrics
from . import model_selection as model_selection
from . import preprocessing as preprocessing
from . import reliability as reliability
from . import transfer as transfer
from . import validation as validation
from .calibration import KernelEnsembleRegressor as KernelEnsembleRegressor
from .foundation import SpektronEmbedder as SpektronEmbedder
from .foundation import SpektronImputer as SpektronImputer
from .foundation import SpektronPretrainer as SpektronPretrainer
from .io import read_spectra as read_spectra
from .model_selection import TransferGroupKFold as TransferGroupKFold
from .model_selection import stack_instruments as stack_instruments
from .model_selection import transfer_curve as transfer_curve
from .preprocessing import SNV as SNV
from .reliability import ConformalTransfer as ConformalTransfer
from .transfer import EnsembleTransfer as EnsembleTransfer
from .transfer import LoRATransfer as LoRATransfer
from .transfer import NARTransfer as NARTransfer
from .transfer import PDSTransfer as PDSTransfer

__version__: str
