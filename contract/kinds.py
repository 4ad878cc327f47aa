"""Which kind of alert each class of local sources raises; traffic, regional air and faults of sensors raise none of these."""

from typing import Final

KIND_OF_CLASS: Final = {"fire": "smoke", "dust": "dust", "industrial": "release"}
CLASS_OF_KIND: Final = {kind: of_class for of_class, kind in KIND_OF_CLASS.items()}
LOCAL_KINDS: Final = tuple(CLASS_OF_KIND)
