"""`quorate bench`: what a whole network does on this machine, and where its time goes."""
