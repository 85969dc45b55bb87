"""Arrays in, arrays out: one paper's idea a file, no store and no graph object."""
