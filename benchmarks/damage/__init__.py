"""Damaged image files of every format, made from a seed, and what a reader does with each of them.

study.py     the files of one study, and what must be read from them
sound.py     a sound study of each format (pictures.py, volumes.py, dicom_objects.py)
harm.py      truncations, flipped bits, holes, junk, wrong names: whatever befalls any file
lies.py      headers that lie, one file a format
series.py    DICOM series with missing, doubled, mixed and broken slices
bombs.py     small files that declare, or inflate to, gigabytes
odd.py       valid but unusual files, which must be read
generator.py the file of a seed and a number
worker.py    reading in a process of its own, with its memory and its time measured
table.py     what came out, as Markdown and JSON
"""
