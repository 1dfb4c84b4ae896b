from ._archive import SpektraArchive as SpektraArchive
from ._corn import fetch_corn as fetch_corn
from ._instruments import make_instruments as make_instruments
from ._tablets import fetch_tablets as fetch_tablets
