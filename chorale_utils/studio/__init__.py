"""The studio: compose with the model on a page, in Jupyter or in a browser of its own.

moments   what a session is made of: the piece at one moment, what the model is asked
pieces    what is done to a piece as a whole
keeping   a session as JSON
asking    what the model is to write into a piece, and what its answer makes of it
session   what is being worked on, and its commands; no page and no model
drawing   what the page is told of a session: the score and what is to be said about it
script    the Python that does again what was done on the page
exchange  files that come in and go out
writer    what a page asks of the process that holds the model
process   that process, which serves any number of pages
widget    Studio, the widget that ties these to the page
serving   the page for those who do not program, on this machine
static    the page itself: scripts and styles
"""
