#!/usr/bin/python3
"""Make the bundled recordings: python3 samples.py OUTDIR [PACKS]

A dictated paragraph, numbers, a two-voice dialogue with pauses, and the dialogue in noise, all
synthesised with flite, 16 kHz FLAC, each with its reference in a .txt; samples.tsv lists them.
With PACKS, the training texts there are searched: no sample sentence may be among them.
"""
import glob
import json
import os
import sys

import numpy as np
import soundfile

from augment import coloured
from pack import RATE
from synth import Synth, load, spoken

#  voice, pitch, stretch, pause after (s), text
PARAGRAPH = [
    ('rms', 102, 1.05, 0.3, "dear sarah comma thank you for your letter about the garden full stop"),
    ('rms', 104, 1.05, 0.3, "the small table is in the kitchen comma but the green lamp is broken full stop"),
    ('rms', 100, 1.05, 0.3, "could you please call me on friday morning question mark"),
]
NUMBERS = [
    ('slt', 172, 1.0, 0.5, "my phone number is four one seven two nine five zero six eight"),
    ('slt', 168, 1.0, 0.5, "the total is ninety three dollars and forty cents"),
    ('slt', 175, 1.0, 0.3, "the train leaves at quarter past seven on the twenty second of march"),
]
DIALOGUE = [
    ('awb', 132, 1.0, 0.9, "where did my brother put the blue notebook"),
    ('slt', 180, 1.0, 1.1, "it is on the black chair in the office"),
    ('awb', 128, 1.0, 0.8, "we are flying from boston to madrid on thursday"),
    ('slt', 174, 1.0, 0.4, "don't forget to buy bread cheese and oranges"),
]


def say(s, voice, pitch, stretch, text):
    s.run('flite', '-voice', voice, '-t', spoken(text), '-o', s.wav, '--setf', 'duration_stretch=%g' % stretch,
          '--setf', 'int_f0_target_mean=%g' % pitch, '--setf', 'int_f0_target_stddev=15')
    x = load(s.wav).astype(np.float32) / 32768
    return x * 0.25 / np.abs(x).max() * 2


def recording(s, parts):
    audio, text = [np.zeros(RATE // 4, np.float32)], []
    for voice, pitch, stretch, pause, t in parts:
        audio += [say(s, voice, pitch, stretch, t), np.zeros(int(pause * RATE), np.float32)]
        text.append(t)
    x = np.concatenate(audio)
    # a quiet room, not digital silence
    return x + np.random.default_rng(1).standard_normal(len(x)).astype(np.float32) * 2e-4, text


def noisy(x, snr):
    """The recording in falling-spectrum noise at snr dB, made from a fixed seed."""
    r = np.random.default_rng(7)
    speech = np.sqrt(np.square(x).mean())
    y = x + coloured(r, len(x)) * speech * 10 ** (-snr / 20)
    return y * 0.5 / np.abs(y).max()


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    trained = set()
    for f in glob.glob(os.path.join(sys.argv[2], '*.jsonl')) if len(sys.argv) > 2 else ():
        trained |= {json.loads(line)['text'] for line in open(f)}
    s = Synth(1)
    rows = []
    dialogue, lines = recording(s, DIALOGUE)
    for name, (x, text), source in (
            ('paragraph', recording(s, PARAGRAPH), 'flite rms, one voice, spoken punctuation'),
            ('numbers', recording(s, NUMBERS), 'flite slt, one voice'),
            ('dialogue', (dialogue, lines), 'flite awb and slt, two voices with pauses'),
            ('dialogue-noise', (noisy(dialogue, 12), lines), 'the dialogue in made noise, 12 dB')):
        known = [t for t in text if t in trained]
        if known:
            raise SystemExit('%s: in the training text: %s' % (name, known))
        soundfile.write(os.path.join(out, name + '.flac'), x, RATE, 'PCM_16')
        with open(os.path.join(out, name + '.txt'), 'w') as f:
            f.write('\n'.join(text) + '\n')
        rows.append((name + '.flac', ' '.join(text), source))
        print('%-16s %5.1f s' % (name, len(x) / RATE))
    with open(os.path.join(out, 'samples.tsv'), 'w') as f:
        f.write('file\ttext\tsource\n' + ''.join('\t'.join(r) + '\n' for r in rows))
    s.close()


if __name__ == '__main__':
    main()
