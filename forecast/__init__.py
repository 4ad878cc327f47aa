"""What the air will be like in the next hours: learnt from the hours that a city has stored."""
