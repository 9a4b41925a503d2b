"""Tools for a class besides the notebooks: exercises that check answers, and slides.

answers    the form of exercises, and how an answer is read
sealing    exact answers as salted hashes, in `sealed.csv`
corpus_exercises, training_exercises, evaluation_exercises, writing_exercises
           how each exercise of the notebooks is judged
checking   `check`, which students call
slides     slides with sound for a lecture, from the notebooks
"""
