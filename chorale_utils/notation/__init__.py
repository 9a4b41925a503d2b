"""A chorale on the page: reading and writing files, engraving, and estimating metre and key."""
