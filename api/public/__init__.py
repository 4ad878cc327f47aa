"""The page for everybody at `/public`: what the air is like and what to do, in words, for as many as want to know."""
