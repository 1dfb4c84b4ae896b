"""Numbers of the documentation that no CSV has, with the reason: see receipts.py."""

from typing import NamedTuple


class Exempt(NamedTuple):
    """Pieces of text whose numbers no CSV has, and the reason."""

    page: str  # or "*", for regular expressions that hold on all pages
    reason: str
    texts: tuple[str, ...]


README, BENCHMARK, CALIBRATION = "README.md", "docs/benchmark.md", "docs/calibration.md"
EVIDENCE, INTERVALS, TRANSFER = "docs/evidence.md", "docs/intervals.md", "docs/transfer.md"
NETWORK, PREPROCESSING = "docs/network_measurements.md", "docs/preprocessing.md"
MONITORING = "docs/monitoring.md"
VALIDATION = "docs/validation.md"
DATA, FILES, PRETRAIN = "docs/data.md", "docs/files.md", "docs/network_pretrain.md"
OF_DATA = "the size or the range of a data set"
OF_EXAMPLE = "of an example, which is executed"
OF_FORMULA = "of a formula or a definition"
OF_METHOD = "a constant or a default of the code"
OF_PROTOCOL = "a setting of the benchmark"
LIMIT = "a limit"

NOT_MEASURED = [
    Exempt("*", "the number of an item of a list", (r"^ *\d\. ",)),
    Exempt(
        "*",
        "of a citation",
        (r",\s+[12]\d{3}\]", r"\[\d\](?=[ .,;])", r"\d+ \([12]\d{3}\) [\d-]+\.?"),
    ),
    Exempt("*", OF_FORMULA, (r"\bn - [12]\b", r"\bn - p - 1\b")),
    Exempt("*", "the name of a standard or a licence", (r"\bISO \d+", r"\bCC BY \d\.\d")),
    Exempt("*", "of an address", (r"\b10\.\d{4,}/",)),
    Exempt("*", "a version of Python", (r"Python 3\.\d+",)),
    Exempt(
        README,
        OF_EXAMPLE,
        (
            "60 samples measured on the old instrument",
            "25 samples that only the new",
            "the 20 new samples",
            "measure the same 100 samples",
            "with 75 of them",
            "the other 25,",
        ),
    ),
    Exempt(
        "docs/architecture.md",
        "the number of a layer",
        (
            "| 9 | `validation`",
            "| 8 | `inspection`",
            "| 7 | `transfer`",
            "| 6 | `calibration`",
            "| 5 | `cluster`",
            "| 4 | `_base`",
            "| 3 | `_training`",
            "| 2 | `_bridge`",
            "| 1 | `_nn`",
        ),
    ),
    Exempt(
        BENCHMARK,
        OF_DATA,
        (
            "| 60 |",
            "up to 1650 nm",
            "| 480 |",
            "| 42 or 45 |",
            "30 degrees Celsius, used at 40 to 70",
            "| 14 |",
            "| 75 |",
            "| 48 or 142 |",
            "the 100 soils",
            "(30 samples each on corn, 240 on tablets",
            "on tablets, with 240 of them, and loses it on corn, with 30",
            "as small as 60 spectra of 700 channels",
        ),
    ),
    Exempt(
        BENCHMARK,
        OF_PROTOCOL,
        (
            "Savitzky-Golay, 11 points",
            "floored at -1",
            "In column 0,",
            "LoRA with 0 standards",
            "spectra of column 0",
            "the same 20 standards of corn (700 channels)",
        ),
    ),
    Exempt(
        BENCHMARK,
        OF_METHOD,
        (
            "below 3 · 10¹⁰ (such as 6000 spectra of 2000 channels)",
            "values of 1000 x 1000 values",
            "50 times the number of parameters",
            "below 3 · 10¹⁰. That",
            "`batch_size` of 64",
            "above 1.3",
        ),
    ),
    Exempt(
        CALIBRATION,
        OF_METHOD,
        (
            "first derivative (11 channels)",
            "(21 and 11 channels)",
            "Matérn 3/2 with the length 3 D",
            "a mean diagonal of 1:",
            "8 × 4 × 10 = 320 regressions",
            "the 32 pairs of view and kernel",
            "times (N + 1) / (N − 1)",
            "more than 600 rows",
            "those of 600 landmark rows",
            "The exponent 0.4",
        ),
    ),
    Exempt(
        CALIBRATION,
        OF_PROTOCOL,
        ("and 1 to 20 components", "below 1 the ensemble", "10, 20 or 30 calibration samples"),
    ),
    Exempt(CALIBRATION, OF_DATA, ("at most 200 samples each, 19 of alcohol",)),
    Exempt(
        DATA,
        OF_DATA,
        (
            "| `fetch_sugarcane` | 60 |",
            "NIRONE 2.2",
            "125-331, an axis for each, 450-2169 nm",
            "| `load_two_instruments` | 100 |",
            "| `fetch_corn` | 80 |",
            "700, 1100-2498 nm",
            "| 655 |",
            "650, 600-1898 nm",
        ),
    ),
    Exempt(
        DATA,
        LIMIT,
        (
            "more than 64 MB",
            "may be 0 or negative",
            "10000 to 4000 or 4000 to 400 as nm, 1100 to 2500 as cm-1",
            "from 400 to 1800",
        ),
    ),
    Exempt(
        "docs/deployment.md",
        "of the example: doctested, or 700 times 700 numbers of 8 bytes",
        ("4 MB, nearly all of it the 700 by 700 map", "21 kB as CSV", "with 700 channels"),
    ),
    Exempt(
        EVIDENCE,
        OF_PROTOCOL,
        (
            "floored at -1",
            "splits of 75/25",
            "p < 0.05",
            "lower by 5 % or more with p < 0.01",
            "a spike of 3 to 10 noise levels",
            "of 1 to 5 % of the channels",
            "1 to 5 % of the standard deviation",
            "Patches of 16 channels are hidden",
            "at 5 % false alarms",
            "60 samples, ten standards",
            "100 instead of 30 epochs",
            "1 to 15 components",
            "Sets of more than 300 spectra",
            "are subsampled to 300",
            "Savitzky-Golay, 11 points",
            "at least 10, is labelled",
            "with 10 fixed components",
        ),
    ),
    Exempt(
        EVIDENCE,
        LIMIT,
        (
            "by more than 2 % of RMSEP",
            "by more than 2 % between repeats",
            "at most 2 % worse",
            "the number of sets up to 1.02",
        ),
    ),
    Exempt(
        EVIDENCE,
        OF_DATA,
        ("the same 60 sugarcane samples", "with 100 channels", "overfit 10 to 20 spectra"),
    ),
    Exempt(
        FILES,
        "of a file format",
        (
            "32- and 16-bit integers; ",
            "before 1996 (version byte 0x4d)",
            "| .0, .1, ... .9999 |",
            "otherwise log(1/R)",
            "absorbance, log(1/R)",
        ),
    ),
    Exempt(
        FILES,
        LIMIT,
        (
            "reflectance above 2 may",
            "350 to 2600 if it goes beyond 2300, cm-1 if it goes beyond 3300 or below 150",
            "also below 0 for",
            "from 400 to 1900",
            "between 150 and 2600;",
        ),
    ),
    Exempt(
        "docs/glossary.md",
        OF_FORMULA,
        (
            "log10(1/T) of the transmittance T, or log10(1/R)",
            "It is 0 for predicting their mean",
            "1/n + T²/(n - 1)",
        ),
    ),
    Exempt("docs/how_to_many_machines.md", "a default of Dask", ("`, 3)",)),
    Exempt("docs/install.md", "the number of an item of a list", ("start again at step 1",)),
    Exempt("docs/index.md", "the width of the figure", (":width: 540px",)),
    Exempt("docs/index.md", OF_DATA, ("all 60 training samples",)),
    Exempt(
        INTERVALS,
        OF_PROTOCOL,
        (
            "90 % by default",
            "enough for 90 %",
            "With more than 30 samples",
            "so 90 % needs nine standards and 95 % nineteen",
            "target coverage of 90 %",
            "60 source samples and 60 new ones",
            "with 60 samples on the source and the other 20 as new ones",
            "division of the 80",
            "share 80 samples",
            "the edge of the 60",
        ),
    ),
    Exempt(
        INTERVALS,
        OF_FORMULA,
        ("n / (n + 1)", "it would be 3.3", "coverage is 10/11", "80 % or 100 %"),
    ),
    Exempt(
        "docs/network.md",
        OF_METHOD,
        (
            "a token of 16 numbers by linear maps of SNV and first derivatives at the 31 channels",
            "near radius 1",
        ),
    ),
    Exempt(
        "docs/network.md",
        "asserted in tests/inspection/test_kernels.py",
        (
            "into 67, 30 and 3 % with 42 % of its energy",
            "the 16 kernels of the weights `small`, twice as long, into 69, 31 and 0 % with 27 %",
        ),
    ),
    Exempt("docs/network_architecture.md", OF_METHOD, ("the 33 channels",)),
    Exempt("docs/network_architecture.md", "of a citation", ("arXiv:2510.17959",)),
    Exempt(
        MONITORING,
        OF_EXAMPLE,
        ("T2 signals at point 6, the prediction error at point 9.",),
    ),
    Exempt(
        MONITORING,
        OF_METHOD,
        (
            "The CUSUM left 0",
            "sets EWMA and CUSUM to 0",
            "370 by default",
            "fewer than 10 samples",
            "run length of 370,",
        ),
    ),
    Exempt(
        MONITORING, OF_PROTOCOL, ("the middle 80 %", "With 30 samples", "with 70 or 700 channels")
    ),
    Exempt(
        NETWORK,
        OF_PROTOCOL,
        (
            "(600 steps of 64 spectra of 128 channels, patches of 16)",
            "(500 steps of 32 spectra of 270 channels, patches of 27)",
            "`d_model` is 64",
            "memory at 16 x 2048 x 256 (spectra, tokens, width; 128 oscillators)",
            "trained for 800 steps on 350 simulated data sets and 350 based on real spectra",
            "PLS has 1 to 15 components",
            "1500 steps at a learning rate of 3e-3 on 200 samples",
            "on 200 other samples",
            "with 60 samples. Training",
            "only 3 tokens to either side",
        ),
    ),
    Exempt(NETWORK, LIMIT, ("below 0.97 times", "An error above 0.25")),
    Exempt(
        PRETRAIN,
        OF_METHOD,
        (
            "`n_experts` of 2 or more",
            "of 25 to 55 spectra",
            "35 labelled samples",
            "more than 5 % negative",
            "for every 64",
            "in 16 instead of 32 bits",
            "stay in 32 bits",
        ),
    ),
    Exempt(
        PREPROCESSING,
        OF_PROTOCOL,
        (
            "with 0 to 50 complete spectra",
            "counted from 0",
            'such as "1450 nm"',
            "an expected 5 % of the good ones",
            "with 30 to 100 good spectra",
            "explains 99 %, the default, or 99.9 % of their",
            "With 50 good spectra",
            "at 99.9 % of the variance",
            "Limits from 30 spectra",
            "at an expected 1.7 %,",
            "a block of 30 % of the axis",
            "with 10 and 40 spectra",
            "blocks of 30 % from fifty",
            "blocks of 5 %,",
        ),
    ),
    Exempt(
        "docs/recalibration.md",
        OF_DATA,
        ("60 of corn, 480 tablets, 45 of sugarcane, 14 of alcohol, 75 soils, 48 or 142 roots",),
    ),
    Exempt(
        "docs/recalibration.md",
        OF_PROTOCOL,
        ("measured are 2, 5, 10, 15, 20 and 30", "from 5 or 10 samples"),
    ),
    Exempt(
        TRANSFER,
        OF_METHOD,
        (
            "infinity, 10, 1, 0.1, 0.01 and 0.001 times",
            "use 0.1.",
            "above 1, the standard",
            "that start at 1:",
            "is 1, 0.1 or 0.01 times half",
            "are 3, 4.8 and 7.",
            "below 1 % of the spread",
            "from 6 standards on",
            "of 5 standard deviations over n",
            "at 3.6 standard deviations",
            "that of 10 standards",
            "disagreement r of steps 1 and 2",
            "that of step 3",
            "1 up to r = 0.7",
            "down to 0 at 1.25, 1/2 at r = 1. Steps 1 to 3 are",
            "at most 6 times",
            "a weight of 10 (",
            "a weight of 3.",
            "is 1 if n > N",
            "p is 1, or 1 / k",
            "(e_l + 0.001)^(-n / 4)",
            "(1 - q) times",
            "on 52 tasks",
            "target spectra with 0.003 to 10 times the noise",
            "(to the powers 0.2 and 0.5). With 0.3 of the total weight",
        ),
    ),
    Exempt(
        TRANSFER,
        OF_EXAMPLE,
        (
            "10, although 20 score",
            "for 5 are among those for 10.",
            '("4000" and "4000.0 cm-1"',
        ),
    ),
    Exempt(
        VALIDATION,
        OF_FORMULA,
        (
            "the mean error is 0",
            "| slope - 1 |",
            "has slope 1 |",
            "| slope 1, intercept 0 | it is the 1:1 line |",
            "with 2 and n - 2",
            "It is 1 for the best",
            "is below 1 for them",
            "found in 80 of 100 validations",
            "above about 2.7, not 2.",
        ),
    ),
    Exempt(
        VALIDATION,
        OF_PROTOCOL,
        (
            "With 20 samples,",
            "4 for each component",
            "simulates 20,000 validations",
            "makes this 5 %",
            "on 5 components with 60 samples",
        ),
    ),
    Exempt("docs/which_method.md", OF_DATA, ("with 60 samples, and some seconds with 480",)),
    Exempt("docs/which_method.md", "years of publication", ("published in 1991 and 1983",)),
]
