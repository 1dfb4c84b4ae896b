"""Maps from target to source spectra, learnt from paired standards."""
