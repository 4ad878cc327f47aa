"""Whether devices and the links to them are well. One alert for each cause, however many readings show it."""
