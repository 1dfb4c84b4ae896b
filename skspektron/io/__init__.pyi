from ._linear_calibration import LinearCalibration as LinearCalibration
from ._read_spectra import read_spectra as read_spectra
