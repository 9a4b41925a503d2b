"""A chorale on the page: read from files and written to them, engraved, its metre and key found."""
