#!/usr/bin/env python3
"""The evaluation list for live text: speech, silence and noise with known word ends.

    python3 tests/bench/eval_list.py OUT [--part 1/3] [--shared ../shared] [--seed 1]

Writes OUT/*.wav (16 kHz mono) and OUT/list.tsv with the columns file, text, source, word_starts and
word_ends for `dictate score OUT/list.tsv --stream`.  Nothing of it is meant to be committed: it is
made in under a minute, the same every time.

real    clips of shared/data/speech-eval joined with pauses: of a clip the start of its first word
        and the end of its last are known by level, the others are "-"; digits one by one
flite   sentences by flite: every word by the phone times that it prints
espeak  sentences by espeak-ng: every word by the word events of its library
noise   silence, white and pink noise, clicks, hum and the recordings of shared/data/noise: no text

Needs only Python, libsndfile, and for the two voices flite and libespeak-ng; what is missing is left
out and said."""
import argparse
import array
import csv
import ctypes
import math
import os
import random
import re
import subprocess
import sys
import tempfile

RATE = 16000
SENTENCES = """
the small boat went slowly past the old stone bridge
we should meet again next week and talk about the plan
please send the long letter to my brother in the city
a cold wind came over the hills and the rain began to fall
she put the bread on the table and opened the window
could you bring me a cup of tea and some sugar
the train to the coast leaves at half past seven
nobody knew where the dog had hidden his bone
turn left at the corner and walk until you see the church
he had forgotten the name of the street but not the number
open the file and read the second page aloud
the garden is full of apples and the trees are heavy
my sister works in a hospital on the other side of town
there are three ways to solve this kind of problem
it was late and the lights in the house were already out
write down the numbers four nine two and seven
the doctor told him to rest for at least ten days
children were playing in the street when the snow began
you can save the text at any time without stopping
the river is deep here so be careful with the boat
we bought two kilos of rice and a bottle of milk
tomorrow will be warm and dry in most parts of the country
the meeting was moved from monday to thursday afternoon
he closed the door quietly and went up to his room
this machine listens to a voice and writes what it hears
her father used to tell stories about the sea
the first word should appear before the sentence is over
if the line is busy please try again in a few minutes
the market opens early and closes when the sun goes down
a good answer is short and says only what is needed
they walked for an hour and then sat down under a tree
put the keys on the shelf next to the blue box
""".strip().split('\n')
FLITE = ['slt', 'rms', 'awb']
ESPEAK = ['en-us', 'en-gb-scotland', 'en-us+f2', 'en-gb-x-rp', 'en-us+m3', 'en-029']


# -- sound files -------------------------------------------------------------------------------

class Info(ctypes.Structure):
    _fields_ = [('frames', ctypes.c_int64), ('rate', ctypes.c_int), ('channels', ctypes.c_int),
                ('format', ctypes.c_int), ('sections', ctypes.c_int), ('seekable', ctypes.c_int)]


def sndfile():
    lib = ctypes.CDLL('libsndfile.so.1')
    lib.sf_open.restype = ctypes.c_void_p
    for name in 'sf_readf_short', 'sf_writef_short':
        f = getattr(lib, name)
        f.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        f.restype = ctypes.c_int64
    lib.sf_close.argtypes = [ctypes.c_void_p]
    return lib


SF = sndfile()


def read(path):
    """Samples of a mono file at 16 kHz; other rates by straight lines between samples."""
    info = Info()
    f = SF.sf_open(path.encode(), 0x10, ctypes.byref(info))
    if not f:
        sys.exit('eval_list: cannot read ' + path)
    raw = (ctypes.c_int16 * (info.frames * info.channels))()
    n = SF.sf_readf_short(f, raw, info.frames)
    SF.sf_close(f)
    x = array.array('h', raw[:n * info.channels:info.channels])
    return x if info.rate == RATE else resample(x, info.rate)


def resample(x, rate):
    """Voices come at 22050 Hz: a short low-pass, then straight lines."""
    if rate > RATE:
        x = [(a + 2 * b + c) / 4 for a, b, c in zip([0] + list(x[:-1]), x, list(x[1:]) + [0])]
    n = len(x) * RATE // rate
    out = array.array('h', bytes(2 * n))
    for i in range(n):
        at = i * rate / RATE
        k = int(at)
        nxt = x[k + 1] if k + 1 < len(x) else x[k]
        out[i] = int(x[k] + (at - k) * (nxt - x[k]))
    return out


def write(path, x):
    info = Info(0, RATE, 1, 0x010002, 0, 0)
    f = SF.sf_open(path.encode(), 0x20, ctypes.byref(info))
    if not f:
        sys.exit('eval_list: cannot write ' + path)
    raw = (ctypes.c_int16 * len(x)).from_buffer(x)
    SF.sf_writef_short(f, raw, len(x))
    SF.sf_close(f)


# -- where words are ---------------------------------------------------------------------------

def levels(x):
    """Mean square of every 10 ms."""
    step = RATE // 100
    return [sum(v * v for v in x[i:i + step]) / step for i in range(0, len(x) - step + 1, step)]


def voice(x):
    """First and last 10 ms that stand 30 dB below the loud ones or higher, in seconds."""
    e = levels(x)
    loud = sorted(e)[int(len(e) * 0.95)]
    on = [i for i, v in enumerate(e) if v > loud * 1e-3]
    return on[0] * 0.01, (on[-1] + 1) * 0.01


def digit_ends(x, n):
    """Starts and ends of n words with gaps between them: the n - 1 longest quiet runs part them."""
    e = levels(x)
    loud = sorted(e)[int(len(e) * 0.95)]
    first, last = voice(x)
    runs, begin = [], None
    for i, v in enumerate(e):
        if v <= loud * 1e-3 and first <= i * 0.01 < last:
            begin = i if begin is None else begin
        elif begin is not None:
            runs.append((i - begin, begin, i))
            begin = None
    gaps = sorted(r[1:] for r in sorted(runs)[-(n - 1):])
    if len(gaps) != n - 1:
        return None
    starts = [first] + [b * 0.01 for _, b in gaps]
    ends = [a * 0.01 for a, _ in gaps] + [last]
    return starts, ends


# -- voices ------------------------------------------------------------------------------------

def flite(text, name, folder):
    """Samples, starts, ends; None when the phones of the words do not add up to those spoken."""
    wav = os.path.join(folder, 'flite.wav')
    said = subprocess.run(['flite', '-voice', name, '-psdur', '-t', text, '-o', wav],
                          capture_output=True, text=True, check=True).stdout.split()
    phones = [(p.split(':')[0], float(p.split(':')[1])) for p in said if ':' in p]
    spans, before = [], 0.0
    for p, end in phones:
        if p != 'pau':
            spans.append((before, end))
        before = end
    starts, ends, at = [], [], 0
    for w in text.split():
        out = subprocess.run(['flite', '-voice', name, '-ps', '-t', w, 'none'],
                             capture_output=True, text=True, check=True).stdout.split()
        n = len([p for p in out if p != 'pau'])
        if n == 0 or at + n > len(spans):
            return None
        starts.append(spans[at][0])
        ends.append(spans[at + n - 1][1])
        at += n
    return (read(wav), starts, ends) if at == len(spans) else None


class EspeakEvent(ctypes.Structure):
    _fields_ = [('type', ctypes.c_int), ('unique', ctypes.c_uint), ('text_position', ctypes.c_int),
                ('length', ctypes.c_int), ('audio_position', ctypes.c_int),
                ('sample', ctypes.c_int), ('user', ctypes.c_void_p), ('id', ctypes.c_char * 8)]


class Espeak:
    """The library, asked for samples and for where each word begins."""
    CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int,
                            ctypes.POINTER(EspeakEvent))

    def __init__(self):
        self.lib = ctypes.CDLL('libespeak-ng.so.1')
        self.rate = self.lib.espeak_Initialize(2, 0, None, 0)  # retrieval: the call waits
        self.keep = self.CALL(self.take)
        self.lib.espeak_SetSynthCallback(self.keep)

    def take(self, wav, n, events):
        if n > 0:
            self.x.extend(wav[:n])
        i = 0
        while events[i].type:
            if events[i].type == 1:
                self.words.append((events[i].text_position, events[i].sample))
            i += 1
        return 0

    def say(self, text, name):
        self.x, self.words = array.array('h'), []
        if self.lib.espeak_SetVoiceByName(name.encode()):
            return None
        raw = text.encode()
        self.lib.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, 1, None, None)
        self.lib.espeak_Synchronize()
        first = {}
        for pos, sample in self.words:  # several events where a word is read as more than one
            first.setdefault(pos, sample / self.rate)
        places = [m.start() + 1 for m in re.finditer(r'\S+', text)]
        if places[0] not in first or not self.x:
            return None
        x = resample(self.x, self.rate)
        starts = [first.get(p) for p in places]  # "in the" may be read as one word
        return x, starts, starts[1:] + [voice(x)[1]]


# -- noise -------------------------------------------------------------------------------------

def noise(kind, seconds, r):
    n = int(seconds * RATE)
    if kind == 'silence':
        return array.array('h', bytes(2 * n))
    if kind == 'clicks':  # keys: 3 ms of decaying noise, two to six a second
        x = array.array('h', bytes(2 * n))
        at = 0
        while at < n:
            for i in range(min(48, n - at)):
                v = int(r.gauss(0, 1) * 9000 * math.exp(-i / 12))
                x[at + i] = max(-32768, min(32767, v))
            at += int(RATE * r.uniform(0.16, 0.5))
        return x
    if kind == 'hum':
        return array.array('h', [int(1500 * math.sin(2 * math.pi * 50 * i / RATE) +
                                     700 * math.sin(2 * math.pi * 150 * i / RATE)) for i in range(n)])
    x, b = array.array('h'), [0.0] * 3
    level = {'white': 300, 'pink': 900}[kind]
    for _ in range(n):
        w = r.gauss(0, 1)
        if kind == 'pink':  # three poles: 3 dB an octave within a decibel
            b[0] = 0.99765 * b[0] + w * 0.0990460
            b[1] = 0.96300 * b[1] + w * 0.2965164
            b[2] = 0.57000 * b[2] + w * 1.0526913
            w = (sum(b) + w * 0.1848) / 4
        x.append(max(-32768, min(32767, int(w * level))))
    return x


# -- the list ----------------------------------------------------------------------------------

class Row:
    """One file that grows: clips with pauses between them."""

    def __init__(self, r):
        self.r = r
        self.x = array.array('h')
        self.words, self.starts, self.ends = [], [], []
        self.quiet(r.uniform(0.6, 1.2))

    def quiet(self, s):
        # Never digital silence between clips: a room has a floor.
        self.x.extend(int(self.r.gauss(0, 4)) for _ in range(int(s * RATE)))

    def add(self, x, text, starts, ends):
        t = len(self.x) / RATE
        self.words += text.split()
        self.starts += [None if s is None else t + s for s in starts]
        self.ends += [None if s is None else t + s for s in ends]
        self.x.extend(x)
        self.quiet(self.r.choice([0.25, 0.5, 0.9, 1.4, 2.2]) * self.r.uniform(0.8, 1.2))

    def seconds(self):
        return len(self.x) / RATE


class List:
    def __init__(self, out):
        self.out = out
        self.f = open(os.path.join(out, 'list.tsv'), 'w')
        self.f.write('file\ttext\tsource\tword_starts\tword_ends\n')
        self.seconds = {}
        self.n = 0

    def put(self, row, source):
        self.raw(row.x, ' '.join(row.words), source, row.starts, row.ends)

    def raw(self, x, text, source, starts=(), ends=()):
        name = '%s-%02d.wav' % (source, self.n)
        self.n += 1
        write(os.path.join(self.out, name), x)
        t = [' '.join('-' if v is None else '%.3f' % v for v in k) for k in (starts, ends)]
        self.f.write('\t'.join([name, text, source] + t) + '\n')
        self.seconds[source] = self.seconds.get(source, 0) + len(x) / RATE


def real(a, out, r):
    folder = os.path.join(a.shared, 'data', 'speech-eval')
    groups = {}
    for c in csv.DictReader(open(os.path.join(folder, 'manifest.tsv')), delimiter='\t'):
        if not c['file'].startswith('nightofthelivingdead'):  # references by another recogniser
            groups.setdefault(c['file'].split('_')[0], []).append(c)
    for name, clips in sorted(groups.items()):
        row = Row(r)
        for c in clips[a.first::a.of]:
            x = read(os.path.join(folder, c['file']))
            words = re.sub(r"[^\w' ]", ' ', c['text']).split()
            first, last = voice(x)
            known = digit_ends(x, len(words)) if name == 'fsdd-string' else None
            n = len(words)
            starts, ends = known or ([first] + [None] * (n - 1), [None] * (n - 1) + [last])
            row.add(x, ' '.join(words), starts, ends)
            if row.seconds() > 45:
                out.put(row, 'real-' + name)
                row = Row(r)
        if row.words:
            out.put(row, 'real-' + name)


def synthetic(a, out, r, kind, voices, say):
    todo = SENTENCES[a.first::a.of]
    for i, v in enumerate(voices):
        row = Row(r)
        for text in todo[i % 2::2]:
            got = say(text, v)
            if got:
                row.add(got[0], text, got[1], got[2])
        if row.words:
            out.put(row, kind)


def noises(a, out, r):
    for kind in 'silence', 'white', 'pink', 'clicks', 'hum':
        out.raw(noise(kind, 24 / a.of, r), '', 'noise')
    folder = os.path.join(a.shared, 'data', 'noise')
    if not os.path.isdir(folder):
        print('eval_list: no ' + folder, file=sys.stderr)
        return
    files = sorted(f for f in os.listdir(folder) if f.endswith('.flac'))[a.first::a.of]
    x = array.array('h')
    for f in files:
        x.extend(read(os.path.join(folder, f)))
        if len(x) > 40 * RATE or f == files[-1]:
            out.raw(x, '', 'noise')
            x = array.array('h')


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('out')
    p.add_argument('--shared', default=os.path.join(os.path.dirname(__file__), '../../../shared'))
    p.add_argument('--part', default='1/1', help='K/N: every Nth clip from the Kth on')
    p.add_argument('--seed', type=int, default=1)
    a = p.parse_args()
    a.first, a.of = (int(v) for v in a.part.split('/'))
    a.first -= 1
    r = random.Random(a.seed)
    os.makedirs(a.out, exist_ok=True)
    out = List(a.out)
    if os.path.isdir(os.path.join(a.shared, 'data', 'speech-eval')):
        real(a, out, r)
    else:
        print('eval_list: no speech-eval below ' + a.shared, file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        try:
            synthetic(a, out, r, 'flite', FLITE, lambda t, v: flite(t, v, folder))
        except FileNotFoundError:
            print('eval_list: no flite', file=sys.stderr)
    try:
        synthetic(a, out, r, 'espeak', ESPEAK, Espeak().say)
    except OSError:
        print('eval_list: no libespeak-ng', file=sys.stderr)
    noises(a, out, r)
    out.f.close()
    total = sum(out.seconds.values())
    print('%s: %d files, %.1f minutes: %s' % (
        os.path.join(a.out, 'list.tsv'), out.n, total / 60,
        ', '.join('%s %.0f s' % i for i in sorted(out.seconds.items()))))


if __name__ == '__main__':
    main()
