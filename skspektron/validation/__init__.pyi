from ._choose_remedy import choose_remedy as choose_remedy
from ._control_chart import ControlChart as ControlChart
from ._remedy_report import RemedyReport as RemedyReport
from ._report import ValidationReport as ValidationReport
from ._validate_predictions import validate_predictions as validate_predictions
