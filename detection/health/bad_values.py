"""Values that are known to be wrong must not raise or end an alert about the air."""

import numpy as np
import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.quality import read_flags


def without_bad_values(table: pa.Table) -> pa.Table:
    """Return the table with null in place of what its quality calls bad; the same table where nothing is."""
    if "quality" not in table.column_names or table["quality"].null_count == table.num_rows:
        return table
    encoded = table["quality"].combine_chunks().dictionary_encode()
    bad = [read_flags(text).bad for text in encoded.dictionary.to_pylist()]
    indices = encoded.indices.fill_null(len(bad)).to_numpy()
    for key in frozenset().union(*bad) & QUANTITY.keys():
        is_bad = np.array([*(key in keys for keys in bad), False])[indices]
        column = pa.compute.if_else(pa.array(is_bad), pa.scalar(None, pa.float64()), table[key])
        table = table.set_column(table.column_names.index(key), table.schema.field(key), column)
    return table
