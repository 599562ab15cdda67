#!/usr/bin/python3
"""Byte-pair vocabulary: train from text, encode, decode.

    python3 bpe.py OUT.json TEXTFILE...      learn 512 merges from lines of text

Ids: 0..255 single bytes, then the merges in their order, then the special tokens, then the
1501 time stamps.  Every id has its text in the vocabulary, so a reader needs no other list.
"""
import collections
import json
import re
import sys

MERGES = 512
SPECIAL = ['<|endoftext|>', '<|startoftranscript|>', '<|startofprev|>', '<|nospeech|>',
           '<|notimestamps|>']
STAMPS = ['<|%d.%02d|>' % (i // 50, i % 50 * 2) for i in range(1501)]
# GPT-2's splitting, for the characters this vocabulary meets
SPLIT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[a-zA-Z]+| ?[0-9]+| ?[^\sa-zA-Z0-9]+|\s+")


def merge(symbols, pair, new):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def learn(lines, merges=MERGES):
    """The token bytes, in id order."""
    count = collections.Counter()
    for line in lines:
        count.update(SPLIT.findall(' ' + line.strip()))
    table = [bytes([i]) for i in range(256)]
    split = {w: list(w.encode()) for w in count}
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for w, s in split.items():
        for p in zip(s, s[1:]):
            pairs[p] += count[w]
            where[p].add(w)
    for _ in range(merges):
        if not pairs or max(pairs.values()) < 1:
            break
        best = max(pairs, key=lambda p: (pairs[p], p))
        new = len(table)
        table.append(table[best[0]] + table[best[1]])
        for w in list(where[best]):
            old = split[w]
            for p in zip(old, old[1:]):
                pairs[p] -= count[w]
            split[w] = merge(old, best, new)
            for p in zip(split[w], split[w][1:]):
                pairs[p] += count[w]
                where[p].add(w)
        del pairs[best]
    return table


class Vocab:
    def __init__(self, table):
        self.table = table                                   # bytes of the text tokens
        self.names = table + [s.encode() for s in SPECIAL + STAMPS]
        self.rank = {t: i for i, t in enumerate(table)}
        self.cache = {}
        self.n_text = len(table)
        self.eot, self.sot, self.prev, self.nospeech, self.notimestamps = \
            (self.n_text + i for i in range(5))
        self.stamp0 = self.n_text + 5
        self.n_vocab = len(self.names)

    @classmethod
    def load(cls, path):
        """From save(), or from an exported model."""
        if path.endswith('.bin'):
            from export import read, vocab_of
            return vocab_of(read(path)[2])
        with open(path) as f:
            return cls([bytes.fromhex(h) for h in json.load(f)])

    def save(self, path):
        with open(path, 'w') as f:
            json.dump([t.hex() for t in self.table], f)

    def word(self, w):
        if w not in self.cache:
            parts = [bytes([b]) for b in w.encode()]
            while len(parts) > 1:
                rank, i = min((self.rank.get(parts[i] + parts[i + 1], 1 << 30), i)
                              for i in range(len(parts) - 1))
                if rank == 1 << 30:
                    break
                parts[i:i + 2] = [parts[i] + parts[i + 1]]
            self.cache[w] = [self.rank[p] for p in parts]
        return self.cache[w]

    def encode(self, text):
        """Ids of " text"."""
        return [i for w in SPLIT.findall(' ' + text.strip()) for i in self.word(w)]

    def stamp(self, seconds):
        return self.stamp0 + max(0, min(1500, int(round(seconds * 50))))

    def decode(self, ids):
        """Text of the text tokens among ids."""
        return b''.join(self.table[i] for i in ids if i < self.n_text).decode('utf-8', 'replace').strip()


if __name__ == '__main__':
    text = [line for path in sys.argv[2:] for line in open(path)]
    v = Vocab(learn(text))
    v.save(sys.argv[1])
    print(b' | '.join(v.table[256:]).decode())
