import struct

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skspektron.io import read_spectra
from tests.io import layouts

VALUES = np.linspace(0.1, 0.9, 37)


@pytest.fixture
def read(tmp_path):
    """Return a function that writes bytes to a file and reads it."""

    def write_and_read(raw, **options):
        (tmp_path / "soil.0").write_bytes(raw)
        return read_spectra(tmp_path / "soil.0", **options)

    return write_and_read


@pytest.mark.parametrize("csf", [1.0, 0.5])
def test_values_axis_and_id_equal_those_written(read, csf):
    lab = read(layouts.opus(layouts.opus_spectrum(VALUES, csf=csf)))
    assert_allclose(lab.X, [VALUES], atol=1e-7)
    assert_allclose(lab.wavenumber, np.linspace(4000, 400, 37))
    assert lab.quantity == "absorbance"
    assert lab.sample_id.tolist() == ["soil"]


def test_axis_in_micrometres_becomes_nm(read):
    raw = layouts.opus(layouts.opus_spectrum(VALUES, axis=(1.0, 2.5), dxu="MI"))
    assert_allclose(read(raw).wavelength, np.linspace(1000, 2500, 37))


def test_absorbance_is_preferred_to_other_quantities(read):
    single = layouts.opus_parameters(NPT=37, FXV=4000.0, LXV=400.0)
    background = [(1, 0, 2, VALUES.astype("<f4").tobytes()), (1, 1, 2, single)]
    reflectance = layouts.opus_spectrum(10**-VALUES, quantity=12)
    absorbance = layouts.opus_spectrum(VALUES)
    lab = read(layouts.opus(reflectance + background + absorbance))
    assert_allclose(lab.X, [VALUES], atol=1e-7)
    assert read(layouts.opus(background + reflectance)).quantity == "reflectance"
    with pytest.raises(ValueError, match="blocks contain no final spectrum"):
        read(layouts.opus(background))


def test_last_absorbance_is_read(read):
    raw = layouts.opus(layouts.opus_spectrum(VALUES) + layouts.opus_spectrum(2 * VALUES))
    assert_allclose(read(raw).X, [2 * VALUES], atol=1e-7)


def test_directory_may_end_before_its_count(read):
    raw = layouts.opus(layouts.opus_spectrum(VALUES))
    raw = raw[:20] + struct.pack("<i", 4) + raw[24:60] + struct.pack("<Iii", 0, 0, 0) + raw[60:]
    moved = bytearray(raw)
    for number in (1, 2):  # everything after the directory is 12 bytes further on
        start = struct.unpack_from("<i", raw, 24 + 12 * number + 8)[0]
        struct.pack_into("<i", moved, 24 + 12 * number + 8, start + 12)
    assert_allclose(read(bytes(moved)).X, [VALUES], atol=1e-7)


def test_metadata_are_those_of_the_sample(read):
    sample = (0, 10, 3, layouts.opus_parameters(SNM="Löss 3", RES=8.0))
    reference = (0, 10, 2, layouts.opus_parameters(SNM="gold"))
    raw = layouts.opus([*layouts.opus_spectrum(VALUES), sample, reference])
    (metadata,) = read(raw).metadata
    assert metadata == {"SNM": "Löss 3", "RES": 8.0}


def test_reflectance_is_converted_with_a_warning(read):
    raw = layouts.opus(layouts.opus_spectrum(10**-VALUES, quantity=12))
    with pytest.warns(UserWarning, match=r"reflectance to absorbance, -log10\(R\)"):
        assert_allclose(read(raw, absorbance=True).X, [VALUES], atol=1e-6)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"RIFF" + bytes(40), r"must begin with .* got b'RIFF'"),
        (b"\n\n\xfe\xfe", "header ends at byte 24, the file has 4"),
        (layouts.opus(layouts.opus_spectrum(VALUES, count=2**31 - 1)), "2147483647 numbers"),
        (layouts.opus(layouts.opus_spectrum(VALUES, count=38)), "38 numbers"),
        (layouts.opus(layouts.opus_spectrum(VALUES, dxu="MIN")), "axis is in 'MIN'"),
        (layouts.opus(layouts.opus_spectrum(VALUES, axis=(4000, 400))), "from 4000 to 400"),
        (
            b"\n\n\xfe\xfe" + struct.pack("<diii", 0, 24, 40, 2**31 - 1),
            "1 to 1000 blocks, got 2147483647",
        ),
    ],
    ids=["foreign", "short", "count", "count by one", "minutes", "integers", "blocks"],
)
def test_damaged_or_foreign_files_raise(read, raw, message):
    with pytest.raises(ValueError, match=rf"soil\.0 was not read: .*{message}"):
        read(raw)
