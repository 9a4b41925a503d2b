"""What a class needs besides the notebooks: exercises that answer back, and slides.

answers    what an exercise expects, and how an answer is read
sealing    exact answers as salted hashes, in `sealed.csv`
corpus_exercises, training_exercises, evaluation_exercises, writing_exercises
           how each exercise of the notebooks is judged
checking   `check`, which students call
slides     slides with sound for a lecture, from the notebooks
"""
