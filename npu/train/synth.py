#!/usr/bin/python3
"""Synthesise speech into a packed corpus with flite (phone times), espeak-ng and festival.

    python3 synth.py OUT --count N [--seed S] [--split train|held|unseen] [--books FILE.gz]

train    voices that are trained on, texts of train seeds
held     the same voices, texts that no train seed may use (see is_held)
unseen   voices never trained on: espeak variants and dialects kept back, festival
"""
import argparse
import difflib
import gzip
import hashlib
import json
import os
import random
import subprocess
import tempfile
import wave

import numpy as np

import sentences
from pack import RATE, Writer
from style import plain

# flite: mean pitch, and how often.  clustergen voices sound closest to speech.
FLITE = {'rms': (100, 3), 'slt': (175, 3), 'awb': (130, 3), 'kal16': (105, 2)}
DIALECTS = ['en-us', 'en-us', 'en-us', 'en-gb', 'en-gb', 'en-gb-x-rp', 'en-gb-scotland', 'en-029']
VARIANTS = ('Alex Alicia Andrea Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Michael Mike '
            'Nguyen Storm adam anika antonio aunty belinda benjamin boris caleb david ed edward '
            'f1 f2 f3 f4 grandma grandpa gustave iven iven3 john kaukovalta klatt klatt2 klatt3 '
            'linda m1 m2 m3 m4 m5 m7 marcelo max michel miguel norbert pablo paul pedro quincy rob '
            'robert sandro shelby steph travis victor zac').split()
UNSEEN_DIALECTS = ['en-us-nyc', 'en-gb-x-gbclan', 'en-us', 'en-gb']
UNSEEN_VARIANTS = 'Andy Mario f5 m6 m8 klatt4 iven2 steph2 Gene2 edward2'.split()
FESTIVAL = ['cmu_us_slt_arctic_hts', 'kal_diphone']
SCRATCH = '/dev/shm' if os.path.isdir('/dev/shm') else tempfile.gettempdir()


def is_held(text):
    """One text in 40 is kept for evaluation, whatever made it."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:2], 'big') % 40 == 0


def resample(audio, rate):
    """Exact band-limited resampling through the spectrum: clips are short."""
    if rate == RATE:
        return audio
    n = int(round(len(audio) * RATE / rate))
    spectrum = np.fft.rfft(audio)
    keep = min(len(spectrum), n // 2 + 1)
    out = np.zeros(n // 2 + 1, complex)
    out[:keep] = spectrum[:keep]
    return np.fft.irfft(out, n) * (n / len(audio))


def load(path):
    """A 16-bit mono WAV as the voices write it, at 16 kHz."""
    with wave.open(path) as f:
        rate, audio = f.getframerate(), np.frombuffer(f.readframes(1 << 26), '<i2').astype(np.float32) / 32768
    return np.clip(resample(audio, rate) * 32767, -32768, 32767).astype(np.int16)


def spoken(text):
    """What the voices must read so that a spelled "a" sounds like the letter, not the article."""
    w = text.split()
    for i, v in enumerate(w):
        if v == 'a' and any(len(n) == 1 and n not in 'i' for n in w[max(0, i - 1):i] + w[i + 1:i + 2]):
            w[i] = 'ay'
    return ' '.join(w)


class Synth:
    def __init__(self, seed, phones=None):
        """phones: file of word_phones, see learn_phones."""
        self.r = random.Random(seed)
        self.wav = os.path.join(SCRATCH, 'dictate-synth-%d.wav' % os.getpid())
        self.phones_of = {}
        if phones:
            with open(phones) as f:
                self.phones_of = json.load(f)

    def close(self):
        if os.path.exists(self.wav):
            os.remove(self.wav)

    def run(self, *args, stdin=None):
        return subprocess.run(args, input=stdin, capture_output=True, text=True, check=True).stdout

    def word_phones(self, word):
        """Phones of a word said alone, for telling which phones of a sentence are whose."""
        if word not in self.phones_of:
            out = self.run('flite', '-voice', 'kal16', '-ps', '-t', word, 'none')
            self.phones_of[word] = [p for p in out.split() if p != 'pau']
        return self.phones_of[word]

    def learn_phones(self, words, group=40):
        """word_phones of many words, a few calls of flite for all: each word is a sentence, pauses between."""
        words = [w for w in words if w not in self.phones_of]
        for i in range(0, len(words), group):
            part = words[i:i + group]
            out = self.run('flite', '-voice', 'kal16', '-ps', '-t', '. '.join(part) + '.', 'none').split()
            said = [p.split() for p in ' '.join(out).split('pau') if p.strip()]
            if len(said) == len(part):
                self.phones_of.update(zip(part, said))
            else:                                            # a word that is read with a pause: one by one
                for w in part:
                    self.word_phones(w)

    def word_times(self, text, phones):
        """[start, end] of every word, from the sentence's phones [(name, end)]."""
        said, start = [], 0
        for name, end in phones:
            if name != 'pau':
                said.append((name, start, end))
            start = end
        expected = [(p, i) for i, w in enumerate(text.split()) for p in self.word_phones(w)]
        match = difflib.SequenceMatcher(None, [p for p, _ in expected], [p for p, _, _ in said], False)
        times = [None] * len(text.split())
        for a, b, n in match.get_matching_blocks():
            for k in range(n):
                i, (_, t0, t1) = expected[a + k][1], said[b + k]
                times[i] = (min(times[i][0], t0), max(times[i][1], t1)) if times[i] else (t0, t1)
        if sum(t is None for t in times) > 0.2 * len(times) or not times:
            return None
        for i, t in enumerate(times):            # a word without a matching phone: what is between
            if t is None:
                before = times[i - 1][1] if i else 0
                after = next((u[0] for u in times[i + 1:] if u), said[-1][2])
                times[i] = (before, max(before + 1, after))
        return times

    def flite(self, text, voice):
        r, text = self.r, spoken(text)
        mean = FLITE[voice][0] * r.uniform(0.8, 1.3)
        out = self.run('flite', '-voice', voice, '-psdur', '-t', text, '-o', self.wav,
                       '--setf', 'duration_stretch=%.2f' % r.uniform(0.8, 1.3),
                       '--setf', 'int_f0_target_mean=%.0f' % mean,
                       '--setf', 'int_f0_target_stddev=%.0f' % r.uniform(6, 30))
        audio = load(self.wav)
        pairs = [p.rsplit(':', 1) for p in out.split()]
        # the diphone voice prints times before its pitch-synchronous rounding: bring to length
        scale = len(audio) / float(pairs[-1][1])
        phones = [(p, int(float(t) * scale)) for p, t in pairs]
        return audio, phones, self.word_times(text, phones)

    def espeak(self, text, voice):
        r = self.r
        self.run('espeak-ng', '-v', voice, '-s', str(r.randint(125, 200)), '-p', str(r.randint(20, 80)),
                 '-w', self.wav, spoken(text))
        return load(self.wav)

    def festival(self, text, voice):
        self.run('text2wave', '-eval', '(voice_%s)' % voice, '-o', self.wav,
                 '-eval', "(Parameter.set 'Duration_Stretch %.2f)" % self.r.uniform(0.9, 1.2),
                 stdin=spoken(text))
        return load(self.wav)


def books(path):
    """Lines of gzips of "ID text" lines (comma between names), in the model's style."""
    out = []
    for p in path.split(','):
        with gzip.open(p, 'rt', encoding='utf-8') as f:
            out += [plain(line.split(' ', 1)[1]) for line in f if ' ' in line]
    return out


def piece(r, lines, longest):
    """Three or more words in a row of a book line."""
    w = r.choice(lines).split()
    n = r.randint(3, longest)
    at = r.randrange(max(1, len(w) - n + 1)) if r.random() < 0.7 else 0
    return ' '.join(w[at:at + n])


def text_for(r, lines, share, longest):
    return ('books', piece(r, lines, longest)) if lines and r.random() < share else sentences.make(r)


def fits(text, split):
    """Held-out texts are told apart by their hash; those of three words or less always train."""
    if len(text.split()) <= 3:
        return bool(text) and split == 'train'
    return is_held(text) == (split != 'train')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out')
    p.add_argument('--count', type=int, default=1000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--split', default='train', choices=('train', 'held', 'unseen'))
    p.add_argument('--books', help='gzips of "ID text" lines, comma between')
    p.add_argument('--phones', help='file that --learn made, to save asking flite')
    p.add_argument('--learn', action='store_true', help='write the phones of all words of the texts to OUT instead')
    p.add_argument('--book-share', type=float, default=0.35)
    p.add_argument('--longest', type=int, default=12, help='words of a piece of a book')
    p.add_argument('--kinds', default='', help='only these kinds of made-up sentences, comma between')
    p.add_argument('--flite-share', type=float, default=0.62)
    a = p.parse_args()
    s = Synth(a.seed, a.phones)
    r, lines = s.r, books(a.books) if a.books else []
    if a.learn:
        s.learn_phones(sorted({w for t in lines + [sentences.make(r)[1] for _ in range(20000)]
                               for w in spoken(t).split()}))
        with open(a.out, 'w') as f:
            json.dump(s.phones_of, f)
        return
    w = Writer(a.out)
    kinds = set(a.kinds.split(',')) - {''}
    while w.clips < a.count:
        kind, text = text_for(r, lines, a.book_share, a.longest)
        # of a kind asked for, short phrases are said anew in every split: there are only so many
        if kind not in kinds if kinds else not fits(text, a.split):
            continue
        phones = words = None
        if a.split == 'unseen':
            if r.random() < 0.3:
                voice = r.choice(FESTIVAL)
                audio = s.festival(text, voice)
            else:
                voice = r.choice(UNSEEN_DIALECTS) + '+' + r.choice(UNSEEN_VARIANTS)
                audio = s.espeak(text, voice)
        elif r.random() < a.flite_share:
            voice = r.choices(list(FLITE), [f for _, f in FLITE.values()])[0]
            audio, phones, words = s.flite(text, voice)
            voice = 'flite-' + voice
        else:
            voice = r.choice(DIALECTS) + '+' + r.choice(VARIANTS)
            audio = s.espeak(text, voice)
        if len(audio) > 29 * RATE:
            continue
        w.add(audio, text, kind if a.split != 'train' else voice.split('+')[0], voice,
              phones=phones, words=words)
    s.close()
    w.close()


if __name__ == '__main__':
    main()
