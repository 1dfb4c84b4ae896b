from ._snv import SNV as SNV
