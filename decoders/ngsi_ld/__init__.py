"""NGSI-LD and NGSI v2."""
