from ._figures import bias as bias
from ._figures import r2 as r2
from ._figures import rmsep as rmsep
from ._figures import rpd as rpd
from ._figures import rpiq as rpiq
from ._figures import sep as sep
from ._figures import slope as slope
from ._report import transfer_report as transfer_report
