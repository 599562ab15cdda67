"""A packed corpus: NAME.pcm (16-bit mono, 16 kHz, end to end) and NAME.jsonl (one clip a line).

Fields of a clip
    at, n      first sample and count in the .pcm
    text       transcript in the model's style
    source     corpus or voice, e.g. librispeech, flite-rms
    speaker    speaker or voice name
    speech     [first, last] sample of speech inside the clip
    phones     optional "p:end p:end ..." in samples (flite), silence is "pau"
    words      optional [[start, end], ...] in samples, one pair a word of text
"""
import json
import os

import numpy as np

RATE = 16000


class Writer:
    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
        self.pcm = open(path + '.pcm.tmp', 'wb')
        self.index = open(path + '.jsonl.tmp', 'w')
        self.at = self.clips = 0

    def add(self, audio, text, source, speaker, speech=None, phones=None, words=None):
        """audio: int16 array."""
        audio = np.asarray(audio, '<i2')
        clip = {'at': self.at, 'n': len(audio), 'text': text, 'source': source, 'speaker': speaker,
                'speech': [int(v) for v in (speech or edges(audio))]}
        if phones:
            clip['phones'] = ' '.join('%s:%d' % p for p in phones)
        if words:
            clip['words'] = [[int(a), int(b)] for a, b in words]
        self.pcm.write(audio.tobytes())
        self.index.write(json.dumps(clip) + '\n')
        self.at += len(audio)
        self.clips += 1

    def close(self):
        self.pcm.close()
        self.index.close()
        os.replace(self.path + '.pcm.tmp', self.path + '.pcm')
        os.replace(self.path + '.jsonl.tmp', self.path + '.jsonl')


class Pack:
    """Read access; audio stays on disk until asked for."""

    def __init__(self, path):
        path = path[:-6] if path.endswith('.jsonl') else path
        self.name = os.path.basename(path)
        with open(path + '.jsonl') as f:
            self.clips = [json.loads(line) for line in f]
        self.pcm = np.memmap(path + '.pcm', '<i2', 'r')

    def audio(self, clip):
        return np.asarray(self.pcm[clip['at']:clip['at'] + clip['n']])


def edges(audio, frame=160):
    """First and last sample that stand out from the clip's own quiet parts."""
    n = len(audio) // frame
    if n < 3:
        return 0, len(audio)
    power = np.square(audio[:n * frame].reshape(n, frame).astype(np.float32)).mean(1) + 1
    level = 10 * np.log10(power)
    on = np.flatnonzero(level > max(np.percentile(level, 98) - 32, np.percentile(level, 3) + 6))
    if not len(on):
        return 0, len(audio)
    return max(0, on[0] - 3) * frame, min(n, on[-1] + 5) * frame
