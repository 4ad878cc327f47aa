"""New cities: a checked site file from a place, a list of stations and open data."""
