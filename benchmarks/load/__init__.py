"""Clients of `medsegdiff serve`, the good and the bad, and the server that they are set upon."""
