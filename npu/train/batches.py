"""Clips -> training batches: the mix of sources, curriculum, targets, and a loader process.

The mix and the lengths follow `progress`, 0 at the start of the planned time and 1 at its end.
"""
import bisect
import collections
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
MIX = {'flite': (0.44, 0.24), 'espeak': (0.12, 0.12), 'librispeech': (0.16, 0.28),
       'speechocean': (0.08, 0.09), 'an4': (0.05, 0.06), 'picovoice': (0.03, 0.025),
       'kathleen': (0.03, 0.045), 'ljspeech': (0.03, 0.05), 'commonvoice': (0.015, 0.03),
       'fsdd': (0.03, 0.05)}
SILENCE = (0.02, 0.06)                                       # share of clips without speech
# Of these, clips with known word times can give way to pieces of one to six words of the same speaker in no order:
# a few thousand sentences heard over and over are learned by heart otherwise.
SPLICED = {'librispeech', 'librispeech-rare', 'commonvoice', 'kathleen', 'ljspeech', 'speechocean'}
RARE = 5                                                     # clips of a speaker below which the speaker counts as rare


def lerp(pair, x):
    return pair[0] + (pair[1] - pair[0]) * min(1, max(0, x))


def steps(points, x):
    """Piecewise linear through [(x, y), ...]."""
    xs, ys = zip(*points)
    return float(np.interp(x, xs, ys))


class Corpus:
    """All packs in a folder, clips by source group."""

    def __init__(self, folder, row=28.0, splice=0.0, rare=0.0):
        """splice: share of clips that give way to pieces.  rare: share of clips of LibriSpeech's rare speakers, of its share."""
        self.folder, self.splice = folder, splice
        self.mix = dict(MIX)
        if rare:
            self.mix['librispeech-rare'] = (rare, rare)
            self.mix['librispeech'] = tuple(x - rare for x in MIX['librispeech'])
        self.row = row                                       # longest row of clips, seconds
        self.groups, self.lengths, self.packs, self.timed = {}, {}, {}, set()
        noise = os.path.join(folder, 'noise.npz')
        self.noise = [v for v in np.load(noise).values()] if os.path.exists(noise) else []
        self.refresh()

    def refresh(self):
        """Take in packs, and word times of packs (align.py), that appeared since."""
        for path in sorted(glob.glob(os.path.join(self.folder, '*.jsonl'))):
            name = os.path.basename(path)[:-6]
            if name.startswith('eval'):
                continue
            if name not in self.packs:
                pack = self.packs[name] = Pack(path)
                many = collections.Counter(c['speaker'] for c in pack.clips)
                for clip in pack.clips:
                    clip['pack'] = pack
                    s = clip['source']
                    group = 'flite' if s.startswith('flite') else s if s in MIX else 'espeak'
                    if s == 'librispeech' and 'librispeech-rare' in self.mix and many[clip['speaker']] < RARE:
                        group = 'librispeech-rare'
                    clip['group'] = group
                    self.groups.setdefault(group, []).append(clip)
            if name not in self.timed and os.path.exists(path[:-6] + '.words'):
                self.timed.add(name)
                with open(path[:-6] + '.words') as f:
                    for clip, line in zip(self.packs[name].clips, f):
                        clip['words'] = clip.get('words') or json.loads(line)
        self.digits, self.voices = {}, {}
        for clip in self.groups.get('fsdd', ()):
            self.digits.setdefault(clip['speaker'], []).append(clip)
        for group in SPLICED & set(self.groups):
            for clip in self.groups[group]:
                if clip.get('words'):
                    self.voices.setdefault((group, clip['speaker']), []).append(clip)
        for group, clips in self.groups.items():
            clips.sort(key=lambda c: c['speech'][1] - c['speech'][0])
            self.lengths[group] = [(c['speech'][1] - c['speech'][0]) / RATE for c in clips]

    def pick(self, r, progress, longest):
        names = [g for g in self.mix if g in self.groups]
        p = np.array([lerp(self.mix[g], progress) for g in names])
        group = names[r.choice(len(names), p=p / p.sum())]
        n = bisect.bisect_right(self.lengths[group], longest)
        if n < min(20, len(self.groups[group])):
            return self.pick(r, progress, longest + 1)
        return self.groups[group][r.integers(n)]


def cut(r, clip, strength, piece=False, factor=None):
    """Which samples of a clip to hear, from about the start to the end of its speech, how fast, and its times moved.

    Some clips with known word times lose words at either end, as a streaming window does; of a piece one to six are left.
    """
    first, last = clip['speech']
    text, words = clip['text'].split(), clip.get('words')
    phones = [(p.rsplit(':', 1)) for p in clip['phones'].split()] if 'phones' in clip else []
    phones = [(p, int(e)) for p, e in phones]
    before, after = r.integers(0, 4000, 2)                   # room kept around the speech
    if words and (piece or len(text) > 2 and r.random() < 0.2 * strength):
        n = len(text)
        i = int(r.integers(n)) if piece or r.random() < 0.4 else 0
        j = int(r.integers(i + 1, (min(n, i + 6) if piece else n) + 1))
        text, words = text[i:j], words[i:j]
        if i:                                                # nothing of the words cut off
            first, before = max(0, words[0][0] - 320), 0
        if j < n:
            last, after = words[-1][1] + 320, 0
    a, b = max(0, first - int(before)), min(clip['n'], last + int(after))
    phones = [(p, min(e, b)) for p, e in phones if e > a]
    factor = factor or pace(r, strength)

    def move(t):
        return (t - a) / factor

    return dict(at=clip['at'] + a, n=b - a, factor=factor, out=int((b - a) / factor), text=' '.join(text),
                speech=[move(first), move(last)],
                words=[[move(x), move(y)] for x, y in words] if words else None,
                phones=[(p, move(e)) for p, e in phones])


def pace(r, strength):
    """How much faster a clip is played."""
    return float(r.uniform(1 - 0.12 * strength, 1 + 0.12 * strength)) if r.random() < 0.8 else 1.0


def sample(r, corpus, vocab, progress, strength, longest):
    """One training example as a recipe; several clips in a row when there is room.

    segments: (pack, first sample in the pack, samples there, speed, first sample here, samples here)
    """
    segments, texts, at = [], [], 0
    words, phones, spans = [], [], []
    if r.random() >= lerp(SILENCE, progress):
        n = int(r.integers(2, 6)) if r.random() < steps([(0, 0), (0.25, 0.05), (0.35, 0.25), (1, 0.3)], progress) else 1
        room = longest if n == 1 else corpus.row * steps([(0, 0.4), (0.3, 0.8), (1, 1)], progress)
        same, piece, factor = None, False, None              # isolated digits, spliced pieces: several of one speaker
        k = -1
        while k + 1 < n:
            k += 1
            clip = corpus.pick(r, progress, min(room, longest)) if not same else same[r.integers(len(same))]
            if not k and clip['source'] == 'fsdd':
                same, n = corpus.digits[clip['speaker']], int(r.integers(1, 10))
            elif not k and (clip['group'], clip['speaker']) in corpus.voices and r.random() < corpus.splice:
                same, n, piece = corpus.voices[clip['group'], clip['speaker']], int(r.integers(3, 12)), True
                clip, factor, room = same[r.integers(len(same))], pace(r, strength), longest
            c = cut(r, clip, strength, piece, factor)
            if k and c['out'] > room * RATE:
                break
            gap = int(RATE * r.uniform(*((0, 0.1) if k and piece else (0.02, 0.2) if k and same else (0.2, 1.5) if k
                                         else (0, 0.5) if r.random() < 0.9 else (0, 3))))
            at += gap
            segments.append((clip['pack'].name, c['at'], c['n'], c['factor'], at, c['out']))
            move = lambda t: max(0, t) + at                   # noqa: E731
            nwords = len(c['text'].split())
            words += [[move(x), move(y)] for x, y in c['words']] if c['words'] else [None] * nwords
            if c['phones']:
                phones += [('pau', at)] + [(p, move(e)) for p, e in c['phones']]
            else:
                phones += [(None, at + c['out'])]
            spans.append((c['text'], move(c['speech'][0]) / RATE,
                          min(at + c['out'], move(c['speech'][1])) / RATE))
            if k and same:                                   # one run of digits is one segment
                (t0, x0, _), (t1, _, y1) = spans[-2:]
                spans[-2:] = [(t0 + ' ' + t1, x0, y1)]
            texts.append(c['text'])
            at += c['out']
            room -= (gap + c['out']) / RATE
            if room < (0.8 if same else 1.5):
                break
        tail = int(RATE * r.uniform(0, 0.6))
    else:
        tail = int(RATE * r.uniform(0.3, min(8, longest)))
    samples = max(1600, min(30 * RATE - 1, at + tail))
    segments = [s[:5] + (min(s[5], samples - s[4]),) for s in segments if s[4] < samples]
    ctx = min(1500, -(-samples // 320) + int(r.integers(0, 9)))
    return dict(segments=segments, samples=samples, ctx=ctx, strength=strength,
                **targets(r, vocab, texts, spans, words, phones, ctx))


def render(r, corpus, example):
    """The sound of a recipe, and its augmented log-mel (2 ctx, 80), in numpy."""
    audio, level = np.zeros(example['samples'], np.float32), 500.0
    for name, at, n, factor, to, out in example['segments']:
        x = augment.tempo(corpus.packs[name].pcm[at:at + n].astype(np.float32), factor)[:out]
        audio[to:to + len(x)] = x
        level = float(np.sqrt(np.square(x).mean())) + 1
    m = augment.features(r, audio, 2 * example['ctx'], example['strength'], level, corpus.noise)
    augment.mask(r, m, len(audio) / 160, example['strength'])
    return m.astype(np.float16)


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


def bucket(ctx):
    return min(1500, -(-ctx // 40) * 40)


def collated_ctx(group):
    """Encoder positions of a batch: few different sizes, since a GPU makes plans for every new one."""
    return bucket(max(g['ctx'] for g in group))


def collate(group):
    """Equal-length arrays of a list of examples; what is padding is marked as such."""
    b, t = len(group), collated_ctx(group)
    n = -(-max(len(g['tokens']) for g in group) // 16) * 16
    out = dict(ctx=np.array([g['ctx'] for g in group], np.int64),
               tokens=np.zeros((b, n), np.int64), goal=np.full((b, n), -100, np.int64),
               look=np.full((b, n, 2), -1, np.int64),
               phones=np.full((b, t), -100, np.int8),
               chars=np.concatenate([g['chars'] for g in group]),
               n_chars=np.array([len(g['chars']) for g in group], np.int64))
    for i, g in enumerate(group):
        for k in ('tokens', 'goal', 'look', 'phones'):
            out[k][i, :len(g[k])] = g[k]
    return out


def plan(progress, full):
    """Strength of augmentation, longest utterance (s), seconds a batch.  full: settings at the end."""
    return (steps([(0, 0.2), (0.75, 1)], progress) * full['augment'],
            min(full.get('longest', 16), steps([(0, 4.5), (0.06, 5), (0.15, 8), (0.3, 12), (0.45, 16)], progress)),
            steps([(0, max(18, full['seconds'] / 4)), (0.3, full['seconds'] * 0.75), (0.7, full['seconds'])], progress))


def sounds(group, corpus, r):
    """The features of a batch, rendered here."""
    t = collated_ctx(group)
    mel = np.zeros((len(group), 2 * t, augment.mel.N_MELS), np.float16)
    for i, g in enumerate(group):
        mel[i, :2 * g['ctx']] = render(r, corpus, g)
    return dict(mel=mel)


def recipes(group):
    """The segments of a batch, for resident.py to render: one array a column."""
    rows = [(i,) + s for i, g in enumerate(group) for s in g['segments']]
    return dict(row=np.array([s[0] for s in rows], np.int64), pack=[s[1] for s in rows],
                at=np.array([s[2] for s in rows], np.int64), factor=np.array([s[4] for s in rows], np.float32),
                to=np.array([s[5] for s in rows], np.int64), out=np.array([s[6] for s in rows], np.int64),
                samples=np.array([g['samples'] for g in group], np.int64), strength=group[0]['strength'])


def batches(corpus, vocab, seed, clock, full):
    """Endless batches.  clock() gives progress."""
    r = np.random.default_rng(seed)
    checked = time.time()
    group = []                                               # left from the pool before: the longest ones
    while True:
        if time.time() - checked > full.get('refresh', 60):
            corpus.refresh()
            checked = time.time()
        progress = clock()
        strength, longest, seconds = plan(progress, full)
        if full['resident']:                                 # few different sizes
            seconds = max(60, seconds // 60 * 60)
        pool, total = group, 0.0
        while total < 6 * seconds:
            pool.append(sample(r, corpus, vocab, progress, strength, longest))
            total += pool[-1]['ctx'] / 50
        pool.sort(key=lambda s: s['ctx'])
        ready, group = [], []
        for s in pool:
            group.append(s)
            many = seconds * 50 / bucket(s['ctx'])
            if len(group) >= (many if many < 6 else many // 4 * 4):
                ready.append(group)
                group = []
        for i in r.permutation(len(ready)):
            yield dict(collate(ready[i]), **(recipes(ready[i]) if full['resident']
                                              else sounds(ready[i], corpus, r)))


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
        corpus = Corpus(folder, *(full.get(k, d) for k, d in (('row', 28.0), ('splice', 0.0), ('rare', 0.0))))
        for b in batches(corpus, vocab, seed, lambda: self.progress.value, full):
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
