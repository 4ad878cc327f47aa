"""One row for each device, for as many devices as come: a numpy array that grows."""

from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Devices come one by one on a live feed; room is made for this share more, so that copying costs a constant time for each row on average.
SPARE: Final = 0.5

Scalar = TypeVar("Scalar", bound=np.generic)


class DeviceArray(Generic[Scalar]):
    """Rows by device number. Rows are only ever added; a new one holds `fill`, a number or an array of the `shape` of a row.

    `values` is a view: whoever needs the rows of devices that came since must take it anew after `grow`.
    """

    def __init__(self, dtype: type[Scalar], fill: ArrayLike = 0, shape: tuple[int, ...] = ()) -> None:
        self._fill = fill
        self._room: NDArray[Scalar] = np.empty((0, *shape), dtype=dtype)
        self._length = 0
        # Made once for all who ask: windows ask a hundred times each.
        self._values = self._room

    def __len__(self) -> int:
        return self._length

    def grow(self, length: int) -> None:
        """Make it at least so many rows; never fewer."""
        if length <= self._length:
            return
        if length > len(self._room):
            rows = max(length, int(self._length * (1 + SPARE)))
            room = np.empty((rows, *self._room.shape[1:]), dtype=self._room.dtype)
            room[: self._length] = self._values
            self._room = room
        self._room[self._length : length] = self._fill
        self._length, self._values = length, self._room[:length]

    def extend(self, rows: ArrayLike) -> None:
        """Add rows with values of their own."""
        new = np.asarray(rows, dtype=self._room.dtype).reshape(-1, *self._room.shape[1:])
        before = self._length
        self.grow(before + len(new))
        self._room[before : self._length] = new

    @property
    def values(self) -> NDArray[Scalar]:
        """Every row there is, to read and to write in place."""
        return self._values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._values[index] = value
