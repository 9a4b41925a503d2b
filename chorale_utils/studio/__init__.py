"""The studio: compose with the model on a page, in Jupyter or in a browser.

moments   the values of a session: the piece at one moment, requests to the model
pieces    operations on a whole piece
keeping   a session as JSON
asking    requests to the model for a piece, and how its answer changes the piece
session   the work in progress and its commands, without page and model
shelf     work that is kept between visits, a file for each page
drawing   what the page shows of a session: the score and information about it
script    Python code that repeats what was done on the page
exchange  files that come in and go out
writer    a page's connection to the process that holds the model
process   this process, which serves any number of pages
widget    Studio, the widget that connects these to the page
serving   the page for people who do not program, served on this machine
static    the page itself: scripts and styles
"""
