"""`quorate network`: makes, starts, stops and shows a network on one machine."""
