#!/usr/bin/python3
"""Real speech -> packed corpora, one a folder of speech-train; noise clips -> noise.npz.

    python3 prepare.py SHARED_DATA OUTDIR [--limit SECONDS]

SHARED_DATA holds speech-train/ (corpus folders with manifest.tsv), noise/ and speech-eval/.
Silence beyond 0.3 s at either end is cut; augmentation puts new silence there.
"""
import argparse
import csv
import glob
import os

import numpy as np
import soundfile

from pack import RATE, Writer, edges
from style import plain

CORPORA = {'librispeech-train-clean-5': 'librispeech', 'librispeech-100': 'librispeech',
           'speechocean762': 'speechocean', 'kathleen-arctic': 'kathleen', 'an4': 'an4',
           'common-voice-en': 'commonvoice', 'ljspeech': 'ljspeech',
           'picovoice-commands': 'picovoice', 'fsdd': 'fsdd'}


def manifest(folder):
    with open(os.path.join(folder, 'manifest.tsv'), newline='') as f:
        yield from csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE)


def prepare(folder, name, out, limit):
    w = Writer(out)
    seconds = 0.0
    for row in manifest(folder):
        text = plain(row['text'])
        audio, rate = soundfile.read(os.path.join(folder, row['file']), dtype='int16')
        if rate != RATE or audio.ndim > 1:
            raise SystemExit('%s is not 16 kHz mono' % row['file'])
        if not text or len(audio) > 29.5 * RATE:
            continue
        a, b = edges(audio)
        audio = audio[max(0, a - 4800):b + 4800]
        w.add(audio, text, name, '%s-%s' % (name, row.get('speaker', '?')))
        seconds += len(audio) / RATE
        if limit and seconds > limit:
            break
    w.close()
    print('%-28s %6.2f h %6d clips' % (name, seconds / 3600, w.clips), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('data')
    p.add_argument('out')
    p.add_argument('--limit', type=float, help='seconds of each corpus')
    a = p.parse_args()
    for folder, name in CORPORA.items():
        path = os.path.join(a.data, 'speech-train', folder)
        if os.path.isdir(path):
            prepare(path, name, os.path.join(a.out, folder), a.limit)
    clips = {os.path.basename(f)[:-5]: soundfile.read(f, dtype='int16')[0]
             for f in sorted(glob.glob(os.path.join(a.data, 'noise', '*.flac')))}
    if clips:
        np.savez(os.path.join(a.out, 'noise.npz'), **clips)
    ev = os.path.join(a.data, 'speech-eval')
    if os.path.isdir(ev):
        w = Writer(os.path.join(a.out, 'eval-real'))
        for row in manifest(ev):
            audio, _ = soundfile.read(os.path.join(ev, row['file']), dtype='int16')
            w.add(audio, plain(row['text']), row['file'].split('_')[0], row['file'])
        w.close()


if __name__ == '__main__':
    main()
