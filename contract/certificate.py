"""The certificate of a low-cost instrument (간이측정기 성능인증제): since 2024 it is of grade 1 or outside it."""

from typing import Literal

Certificate = Literal["grade-1", "outside-grade-1", "none"]
