"""Groups at run time: founding, joining, leaving, and what a node carries."""
