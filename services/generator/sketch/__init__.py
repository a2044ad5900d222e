"""A renderer that draws what a prompt names, the same way every time.

    words in the prompt  ->  scene.py      which things, how many, which colours, where, in which style
                             vocabulary.py the words for settings, times, weather, styles, clothes and poses
                             things/       one function for each thing that can be drawn
                             backdrops.py  where the scene is set
                             layout.py     which thing stands where, and how large
                             painting.py   the layers of one picture, drawn step by step
                             styles.py     what is done to the finished drawing: water colour, pencil, pixel art...

Nothing here reads a clock, a file or a global random state, and what is random is drawn from `random.Random`, which is
the same on every machine.
"""

VERSION = "1"
"""Changes whenever the same prompt and seed would give another picture."""
