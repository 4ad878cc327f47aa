"""What can be wrong: one file for each detector. The protocol that they all keep is in `detector.py`."""
