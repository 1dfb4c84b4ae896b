from ._report import ValidationReport as ValidationReport
from ._validate_predictions import validate_predictions as validate_predictions
