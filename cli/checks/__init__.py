"""What the doctor looks at, one idea a file; each answers with findings and changes nothing."""
