#!/usr/bin/python3
"""Lines of text to learn the vocabulary from: python3 texts.py PACKS [BOOKS.gz] > FILE

All transcripts of the packed corpora, a quarter of the books, and 15,000 made-up sentences.
"""
import glob
import json
import os
import random
import sys

import sentences
from synth import books

r = random.Random(9)
for path in sorted(glob.glob(os.path.join(sys.argv[1], '*.jsonl'))):
    for line in open(path):
        print(json.loads(line)['text'])
if len(sys.argv) > 2:
    print('\n'.join(books(sys.argv[2])[::4]))
for _ in range(15000):
    print(sentences.make(r)[1])
