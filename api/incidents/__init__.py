"""Where does it come from: the online release detector and the source finder."""
