"""Read access by NGSI-LD (ETSI GS CIM 009), with the smart data models of air, weather and alerts (smartdatamodels.org)."""
