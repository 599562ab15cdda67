"""Clips -> training batches: the mix of sources, curriculum, targets, and a loader process.

The mix and the lengths follow `progress`, 0 at the start of the planned time and 1 at its end.
"""
import bisect
import glob
import json
import multiprocessing
import os
import queue
import signal
import time

import numpy as np

import augment
from pack import RATE, Pack
from style import ALPHABET

CHARS = {c: i + 1 for i, c in enumerate(ALPHABET)}           # 0 is CTC's blank
PHONES = ('pau aa ae ah ao aw ax ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th '
          'uh uw v w y z zh').split()
PHONE = {p: i for i, p in enumerate(PHONES)}
# share of each source among clips: (at the start, at the end), interpolated
MIX = {'flite': (0.62, 0.38), 'espeak': (0.10, 0.20), 'librispeech': (0.10, 0.06),
       'speechocean': (0.06, 0.12), 'an4': (0.04, 0.08), 'picovoice': (0.03, 0.03),
       'kathleen': (0.02, 0.04), 'ljspeech': (0.01, 0.015), 'commonvoice': (0.01, 0.015),
       'fsdd': (0.02, 0.06)}
SILENCE = (0.01, 0.03)                                       # share of clips without speech


def lerp(pair, x):
    return pair[0] + (pair[1] - pair[0]) * min(1, max(0, x))


def steps(points, x):
    """Piecewise linear through [(x, y), ...]."""
    xs, ys = zip(*points)
    return float(np.interp(x, xs, ys))


class Corpus:
    """All packs in a folder, clips by source group."""

    def __init__(self, folder, row=28.0):
        self.folder = folder
        self.row = row                                       # longest row of clips, seconds
        self.groups, self.lengths, self.seen = {}, {}, set()
        noise = os.path.join(folder, 'noise.npz')
        self.noise = [v for v in np.load(noise).values()] if os.path.exists(noise) else []
        self.refresh()

    def refresh(self):
        """Take in packs that appeared since."""
        for path in sorted(glob.glob(os.path.join(self.folder, '*.jsonl'))):
            if path in self.seen or os.path.basename(path).startswith('eval'):
                continue
            self.seen.add(path)
            pack = Pack(path)
            words = path[:-6] + '.words'                     # from align.py
            if os.path.exists(words):
                with open(words) as f:
                    for clip, line in zip(pack.clips, f):
                        clip['words'] = clip.get('words') or json.loads(line)
            for clip in pack.clips:
                clip['pack'] = pack
                s = clip['source']
                group = 'flite' if s.startswith('flite') else s if s in MIX else 'espeak'
                self.groups.setdefault(group, []).append(clip)
        self.digits = {}
        for clip in self.groups.get('fsdd', ()):
            self.digits.setdefault(clip['speaker'], []).append(clip)
        for group, clips in self.groups.items():
            clips.sort(key=lambda c: c['speech'][1] - c['speech'][0])
            self.lengths[group] = [(c['speech'][1] - c['speech'][0]) / RATE for c in clips]

    def pick(self, r, progress, longest):
        names = [g for g in MIX if g in self.groups]
        p = np.array([lerp(MIX[g], progress) for g in names])
        group = names[r.choice(len(names), p=p / p.sum())]
        n = bisect.bisect_right(self.lengths[group], longest)
        if n < 20:
            return self.pick(r, progress, longest + 1)
        return self.groups[group][r.integers(n)]


def cut(r, clip, strength):
    """Samples of a clip from about the start to the end of its speech, with its times moved.

    Some clips with known word times lose words at either end, as a streaming window does.
    """
    audio = clip['pack'].audio(clip).astype(np.float32)
    first, last = clip['speech']
    text, words = clip['text'].split(), clip.get('words')
    phones = [(p.rsplit(':', 1)) for p in clip['phones'].split()] if 'phones' in clip else []
    phones = [(p, int(e)) for p, e in phones]
    before, after = r.integers(0, 4000, 2)                   # room kept around the speech
    if words and len(text) > 2 and r.random() < 0.2 * strength:
        n = len(text)
        i = int(r.integers(len(text))) if r.random() < 0.4 else 0
        j = int(r.integers(i + 1, len(text) + 1))
        text, words = text[i:j], words[i:j]
        if i:                                                # nothing of the words cut off
            first, before = max(0, words[0][0] - 320), 0
        if j < n:
            last, after = words[-1][1] + 320, 0
    a, b = max(0, first - int(before)), min(len(audio), last + int(after))
    phones = [(p, min(e, b)) for p, e in phones if e > a]
    factor = r.uniform(1 - 0.12 * strength, 1 + 0.12 * strength) if r.random() < 0.8 else 1.0

    def move(t):
        return (t - a) / factor

    return dict(audio=augment.tempo(audio[a:b], factor), text=' '.join(text),
                speech=[move(first), move(last)],
                words=[[move(x), move(y)] for x, y in words] if words else None,
                phones=[(p, move(e)) for p, e in phones])


def sample(r, corpus, vocab, progress, strength, longest):
    """One training example; several clips in a row when there is room."""
    parts, texts = [], []
    level, at = 500.0, 0
    words, phones, spans = [], [], []
    if r.random() >= lerp(SILENCE, progress):
        n = int(r.integers(2, 6)) if r.random() < steps([(0, 0), (0.25, 0.05), (0.35, 0.25), (1, 0.3)], progress) else 1
        room = longest if n == 1 else corpus.row * steps([(0, 0.4), (0.3, 0.8), (1, 1)], progress)
        same = None                                          # isolated digits: several of one speaker
        k = -1
        while k + 1 < n:
            k += 1
            clip = corpus.pick(r, progress, min(room, longest)) if not same else same[r.integers(len(same))]
            if k and clip['n'] > room * RATE:
                break
            if not k and clip['source'] == 'fsdd':
                same, n = corpus.digits[clip['speaker']], int(r.integers(1, 10))
            c = cut(r, clip, strength)
            gap = int(RATE * r.uniform(*((0.02, 0.2) if k and same else (0.2, 1.5) if k
                                         else (0, 0.5) if r.random() < 0.9 else (0, 3))))
            parts += [np.zeros(gap, np.float32), c['audio']]
            at += gap
            move = lambda t: max(0, t) + at                   # noqa: E731
            nwords = len(c['text'].split())
            words += [[move(x), move(y)] for x, y in c['words']] if c['words'] else [None] * nwords
            if c['phones']:
                phones += [('pau', at)] + [(p, move(e)) for p, e in c['phones']]
            else:
                phones += [(None, at + len(c['audio']))]
            spans.append((c['text'], move(c['speech'][0]) / RATE,
                          min(at + len(c['audio']), move(c['speech'][1])) / RATE))
            if k and same:                                   # one run of digits is one segment
                (t0, x0, _), (t1, _, y1) = spans[-2:]
                spans[-2:] = [(t0 + ' ' + t1, x0, y1)]
            texts.append(c['text'])
            at += len(c['audio'])
            room -= (gap + len(c['audio'])) / RATE
            level = float(np.sqrt(np.square(c['audio']).mean())) + 1
            if room < (0.8 if same else 1.5):
                break
        tail = int(RATE * r.uniform(0, 0.6))
    else:
        tail = int(RATE * r.uniform(0.3, min(8, longest)))
    parts.append(np.zeros(tail, np.float32))
    audio = np.concatenate(parts)[:30 * RATE - 1]
    if len(audio) < 1600:
        audio = np.pad(audio, (0, 1600))
    ctx = min(1500, -(-len(audio) // 320) + int(r.integers(0, 9)))
    m = augment.features(r, audio, 2 * ctx, strength, level, corpus.noise)
    augment.mask(r, m, len(audio) / 160, strength)
    return dict(mel=m.astype(np.float16), ctx=ctx, **targets(r, vocab, texts, spans, words, phones, ctx))


def targets(r, vocab, texts, spans, words, phones, ctx):
    """Decoder tokens, what each must predict, where it should look; characters; phones per frame."""
    text = ' '.join(texts)
    stamps = texts and r.random() < 0.3
    tokens, goal, look = [vocab.sot], [], []
    where = iter(words)
    end = None
    if not texts:
        # at the SOT position mostly "no speech"; when that is not allowed, the end
        if r.random() < 0.5:
            tokens, goal = [vocab.sot], [vocab.nospeech if r.random() < 0.7 else vocab.eot]
            look = [(-1, -1)]
        else:
            tokens = [vocab.sot, vocab.notimestamps]
            goal, look = [vocab.nospeech, vocab.eot], [(-1, -1)] * 2
    else:
        if not stamps:
            tokens.append(vocab.notimestamps)
            goal.append(vocab.notimestamps)
            look.append((-1, -1))
        for t, first, last in spans:
            if stamps:
                goal.append(vocab.stamp(first))
                look.append((first - 0.06, first + 0.1))
                tokens.append(goal[-1])
            for w in t.split():
                ids = vocab.encode(w)
                time_ = next(where)
                sizes = np.cumsum([0] + [len(vocab.table[i]) for i in ids])
                for k, i in enumerate(ids):
                    goal.append(i)
                    tokens.append(i)
                    if time_:
                        x, y = time_
                        s = (y - x) / sizes[-1]
                        look.append(((x + s * sizes[k]) / RATE - 0.04, (x + s * sizes[k + 1]) / RATE + 0.04))
                        end = y / RATE
                    else:
                        look.append((-1, -1))
                        end = None
            if stamps:
                goal.append(vocab.stamp(last))
                look.append((last - 0.1, last + 0.06))
                tokens.append(goal[-1])
        goal.append(vocab.eot)
        look.append((end - 0.04, end + 0.3) if end else (-1, -1))
    frame = np.full(ctx, -100, np.int64)
    start = 0
    for p, e in phones:
        x, y = int(start / 320 + 0.5), int(e / 320 + 0.5)
        if p is not None and p in PHONE:
            frame[x:y] = PHONE[p]
        start = e
    return dict(tokens=np.array(tokens, np.int64), goal=np.array(goal, np.int64),
                look=np.array([(int(a * 50), int(b * 50) + 1) if b > 0 else (-1, -1)
                               for a, b in look], np.int64),
                chars=np.array([CHARS[c] for c in text], np.int64), phones=frame)


def collate(group):
    """Equal-length arrays of a list of examples; what is padding is marked as such."""
    b, t = len(group), max(g['ctx'] for g in group)
    n = max(len(g['tokens']) for g in group)
    out = dict(mel=np.zeros((b, 2 * t, group[0]['mel'].shape[1]), np.float16),
               ctx=np.array([g['ctx'] for g in group], np.int64),
               tokens=np.zeros((b, n), np.int64), goal=np.full((b, n), -100, np.int64),
               look=np.full((b, n, 2), -1, np.int64),
               phones=np.full((b, t), -100, np.int64),
               chars=np.concatenate([g['chars'] for g in group]),
               n_chars=np.array([len(g['chars']) for g in group], np.int64))
    for i, g in enumerate(group):
        out['mel'][i, :len(g['mel'])] = g['mel']
        for k in ('tokens', 'goal', 'look', 'phones'):
            out[k][i, :len(g[k])] = g[k]
    return out


def plan(progress, full):
    """Strength of augmentation, longest utterance (s), seconds a batch.  full: settings at the end."""
    return (steps([(0, 0.2), (0.75, 1)], progress) * full['augment'],
            min(full.get('longest', 16), steps([(0, 4.5), (0.1, 5), (0.25, 8), (0.6, 12), (1, 16)], progress)),
            steps([(0, 18), (0.3, full['seconds'] * 0.75), (0.7, full['seconds'])], progress))


def batches(corpus, vocab, seed, clock, full):
    """Endless batches.  clock() gives progress."""
    r = np.random.default_rng(seed)
    checked = time.time()
    while True:
        if time.time() - checked > 60:
            corpus.refresh()
            checked = time.time()
        progress = clock()
        strength, longest, seconds = plan(progress, full)
        pool, total = [], 0.0
        while total < 6 * seconds:
            pool.append(sample(r, corpus, vocab, progress, strength, longest))
            total += pool[-1]['ctx'] / 50
        pool.sort(key=lambda s: s['ctx'])
        ready, group = [], []
        for s in pool:
            group.append(s)
            if len(group) * s['ctx'] / 50 >= seconds:
                ready.append(group)
                group = []
        if group and len(group) * group[-1]['ctx'] / 50 > 0.5 * seconds:
            ready.append(group)
        for i in r.permutation(len(ready)):
            yield collate(ready[i])


class Loader:
    """batches() in processes of their own, each a little ahead of the training."""

    def __init__(self, folder, vocab, seed, full, workers=1, ahead=12):
        self.queue = multiprocessing.Queue(ahead)
        self.progress = multiprocessing.Value('d', 0.0)
        self.procs = [multiprocessing.Process(target=self.work, daemon=True,
                                              args=(folder, vocab, seed + 1000 * i, full))
                      for i in range(workers)]
        for p in self.procs:
            p.start()

    def work(self, folder, vocab, seed, full):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        parent = os.getppid()
        for b in batches(Corpus(folder, full.get('row', 28.0)), vocab, seed, lambda: self.progress.value, full):
            while True:
                try:
                    self.queue.put(b, timeout=5)
                    break
                except queue.Full:
                    if os.getppid() != parent:               # the training is gone
                        os._exit(0)

    def next(self, progress):
        self.progress.value = progress
        return self.queue.get()

    def stop(self):
        for p in self.procs:
            p.terminate()
        self.queue.cancel_join_thread()
