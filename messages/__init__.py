"""The sentences that people read, in Korean and English."""
