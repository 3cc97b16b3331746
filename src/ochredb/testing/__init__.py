"""For authors of engines: the contract, the reference it is checked against, and random values to drive both."""
