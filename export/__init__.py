"""Readings as files that other programs read: CSV, Parquet, CF-NetCDF; of any span, in bounded memory."""
