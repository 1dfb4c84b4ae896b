from ._applicability import ApplicabilityDomain as ApplicabilityDomain
from ._conformal import ConformalTransfer as ConformalTransfer
