from ._archive import SpektraArchive as SpektraArchive
from ._corn import fetch_corn as fetch_corn
from ._instruments import make_instruments as make_instruments
from ._sugarcane import fetch_sugarcane as fetch_sugarcane
from ._tablets import fetch_tablets as fetch_tablets
from ._two_instruments import load_two_instruments as load_two_instruments
