"""The studio: compose with the model on a page, in Jupyter or in a browser of its own.

session   what is being worked on: a chorale, locks, history, settings; no page and no model
drawing   what the page is told of a session: the score and what is to be said about it
script    the Python that does again what was done on the page
writer    the process in which the model writes, asked by any number of pages
widget    Studio, the widget that ties these to the page
serving   the page for those who do not program, on this machine
static    the page itself: scripts and styles
"""
