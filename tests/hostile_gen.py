#!/usr/bin/env python3
"""Damaged files for tests/hostile.sh and seeds for the fuzzers.

    hostile_gen.py cases DIR    files and DIR/cases.tsv: id, exit codes allowed (with commas), text that
                                the sentence must hold, arguments (words; files relative to DIR)
    hostile_gen.py seeds DIR    DIR/model, DIR/sound, ...: small good and bad inputs, for fuzzing

Everything is made from a tiny model of the right layout and from a second of noise; nothing is read.
Standard library only.
"""
import os
import random
import struct
import sys

STATE, HEADS, LAYERS, ACTX, TCTX, MELS, FFT = 64, 1, 1, 1500, 448, 80, 201
SPECIAL = ['<|endoftext|>', '<|startoftranscript|>', '<|notimestamps|>'] + \
          ['<|%.2f|>' % (i * 0.02) for i in range(1501)]
TEXT = [bytes([b]) for b in range(32, 127)] + [b' the', b' a', b' word']
WORDS = TEXT + [s.encode() for s in SPECIAL]


def tensors():
    """(name, shape with ne[0] first, is a weight matrix)"""
    s, m = STATE, 4 * STATE
    yield 'encoder.positional_embedding', (s, ACTX), 0
    yield 'encoder.conv1.weight', (3, MELS, s), 1
    yield 'encoder.conv1.bias', (1, s), 0
    yield 'encoder.conv2.weight', (3, s, s), 1
    yield 'encoder.conv2.bias', (1, s), 0
    yield 'encoder.ln_post.weight', (s,), 0
    yield 'encoder.ln_post.bias', (s,), 0
    yield 'decoder.positional_embedding', (s, TCTX), 0
    yield 'decoder.token_embedding.weight', (s, len(WORDS)), 1
    yield 'decoder.ln.weight', (s,), 0
    yield 'decoder.ln.bias', (s,), 0
    for side in ('encoder', 'decoder'):
        for i in range(LAYERS):
            p = '%s.blocks.%d.' % (side, i)
            for part in ('attn', 'cross_attn') if side == 'decoder' else ('attn',):
                yield p + part + '_ln.weight', (s,), 0
                yield p + part + '_ln.bias', (s,), 0
                for w, bias in (('query', 1), ('key', 0), ('value', 1), ('out', 1)):
                    yield p + '%s.%s.weight' % (part, w), (s, s), 1
                    if bias:
                        yield p + '%s.%s.bias' % (part, w), (s,), 0
            yield p + 'mlp_ln.weight', (s,), 0
            yield p + 'mlp_ln.bias', (s,), 0
            yield p + 'mlp.0.weight', (s, m), 1
            yield p + 'mlp.0.bias', (m,), 0
            yield p + 'mlp.2.weight', (m, s), 1
            yield p + 'mlp.2.bias', (s,), 0


def i32(*v):
    return struct.pack('<%di' % len(v), *v)


def tensor(name, shape, data=None, kind=0, n_dims=None, name_len=None, fill=None):
    """kind 0: f32, 1: f16.  What is given overrides what is right."""
    n = 1
    for d in shape:
        n *= d
    if data is None:
        unit = struct.pack('<f' if kind == 0 else '<e', fill if fill is not None else 0.01)
        data = unit * n
    raw = name.encode()
    return (i32(len(shape) if n_dims is None else n_dims, len(raw) if name_len is None else name_len, kind)
            + i32(*shape) + raw + data)


class Model:
    """A model in parts, so that a case can replace one."""

    def __init__(self):
        self.magic = 0x67676d6c
        self.hp = [len(WORDS), ACTX, STATE, HEADS, LAYERS, TCTX, STATE, HEADS, LAYERS, MELS, 1]
        self.filters = i32(MELS, FFT) + struct.pack('<f', 0.01) * (MELS * FFT)
        self.words = i32(len(WORDS)) + b''.join(i32(len(w)) + w for w in WORDS)
        self.tensors = [tensor(n, s, kind=w) for n, s, w in tensors()]
        self.names = [n for n, s, w in tensors()]

    def put(self, name, part):
        self.tensors[self.names.index(name)] = part
        return self

    def set(self, i, v):
        self.hp[i] = v
        return self

    def bytes(self):
        return (struct.pack('<I', self.magic) + i32(*self.hp) + self.filters + self.words
                + b''.join(self.tensors))


def models():
    good = Model().bytes()
    head = 4 + 44
    words = head + len(Model().filters)
    first = words + len(Model().words)
    rnd = random.Random(1)
    yield 'good', good
    yield 'empty', b''
    yield 'one-byte', b'l'
    yield 'magic-wrong', b'ggjt' + good[4:]
    yield 'magic-gguf', b'GGUF' + good[4:]
    yield 'garbage', bytes(rnd.randrange(256) for _ in range(65536))
    yield 'garbage-after-magic', good[:4] + bytes(rnd.randrange(256) for _ in range(65536))
    yield 'text', b'This is not a model.\n' * 100
    yield 'html', b'<!DOCTYPE html><html><body>404</body></html>\n'
    yield 'cut-in-header', good[:20]
    yield 'cut-in-filters', good[:head + 5000]
    yield 'cut-in-words', good[:words + 100]
    yield 'cut-before-tensors', good[:first]
    yield 'cut-in-tensor-head', good[:first + 10]
    yield 'cut-in-tensor', good[:first + 1000]
    yield 'cut-last-byte', good[:-1]
    yield 'one-byte-more', good + b'x'
    yield 'junk-at-end', good + b'junk' * 1000
    for name, i, v in (('vocab-negative', 0, -1), ('vocab-zero', 0, 0), ('vocab-huge', 0, 2**31 - 1),
                       ('ctx-zero', 1, 0), ('ctx-huge', 1, 2**31 - 1), ('state-zero', 2, 0),
                       ('state-huge', 2, 2**30), ('state-odd', 2, 63), ('heads-zero', 3, 0),
                       ('heads-do-not-divide', 3, 7), ('layers-negative', 4, -4),
                       ('layers-huge', 4, 1000000), ('text-ctx-huge', 5, 2**31 - 1),
                       ('text-state-other', 6, 128), ('text-layers-huge', 8, 2**31 - 1),
                       ('mels-zero', 9, 0), ('mels-other', 9, 79), ('mels-huge', 9, 2**31 - 1),
                       ('layers-more', 4, 2)):
        yield name, Model().set(i, v).bytes()
    m = Model()
    m.filters = i32(MELS, 2**31 - 1) + m.filters[8:]
    yield 'filters-huge', m.bytes()
    m = Model()
    m.filters = i32(MELS, FFT) + struct.pack('<f', float('nan')) * (MELS * FFT)
    yield 'filters-nan', m.bytes()
    m = Model()
    m.words = i32(2**31 - 1) + m.words[4:]
    yield 'words-huge', m.bytes()
    m = Model()
    m.words = i32(-5) + m.words[4:]
    yield 'words-negative', m.bytes()
    m = Model()
    m.words = i32(len(WORDS), 2**31 - 1) + m.words[8:]
    yield 'word-huge', m.bytes()
    m = Model()
    m.words = i32(len(WORDS)) + b''.join(i32(1) + b'a' for _ in WORDS)
    yield 'words-no-specials', m.bytes()
    q = 'encoder.blocks.0.attn.query.weight'
    sq = (STATE, STATE)
    for name, part in (
            ('tensor-no-dims', tensor(q, sq, kind=1, n_dims=0)),
            ('tensor-100-dims', tensor(q, sq, kind=1, n_dims=100)),
            ('tensor-name-huge', tensor(q, sq, kind=1, name_len=2**31 - 1)),
            ('tensor-name-negative', tensor(q, sq, kind=1, name_len=-8)),
            ('tensor-name-unknown', tensor('encoder.blocks.0.attn.mystery', sq, kind=1)),
            ('tensor-name-escapes', tensor('\x1b[31m\x07evil\n', sq, kind=1)),
            ('tensor-type-99', tensor(q, sq, b'\0' * 8192, kind=99)),
            ('tensor-type-negative', tensor(q, sq, b'\0' * 8192, kind=-2)),
            ('tensor-shape-absurd', tensor(q, (2**31 - 1, 2**31 - 1), b'\0' * 8192, kind=1)),
            ('tensor-shape-overflow', tensor(q, (2**16, 2**16), b'\0' * 8192, kind=1)),
            ('tensor-shape-negative', tensor(q, (-64, 64), b'\0' * 8192, kind=1)),
            ('tensor-shape-other', tensor(q, (STATE, STATE + 1), kind=1)),
            ('tensor-shape-turned', tensor(q, (1, STATE * STATE), kind=1)),
            ('tensor-missing', b'')):
        yield name, Model().put(q, part).bytes()
    m = Model()
    yield 'tensor-twice', m.bytes() + m.tensors[3]
    yield 'weights-nan', Model().put(q, tensor(q, sq, kind=1, fill=float('nan'))).bytes()
    yield 'weights-inf', Model().put('encoder.ln_post.weight', tensor(
        'encoder.ln_post.weight', (STATE,), fill=float('inf'))).bytes()
    yield 'weights-largest', Model().put('decoder.ln.weight', tensor(
        'decoder.ln.weight', (STATE,), fill=3.4e38)).bytes()


def wav(data, rate=16000, channels=1, bits=16, tag=1, riff=None, size=None, fmt_size=16, align=None,
        extra=b''):
    align = channels * bits // 8 if align is None else align
    fmt = struct.pack('<HHIIHH', tag, channels & 0xffff, rate & 0xffffffff,
                      (rate * align) & 0xffffffff, align & 0xffff, bits & 0xffff)
    size = len(data) if size is None else size
    body = (b'WAVEfmt ' + struct.pack('<I', fmt_size) + fmt + extra
            + b'data' + struct.pack('<I', size & 0xffffffff) + data)
    riff = len(body) if riff is None else riff
    return b'RIFF' + struct.pack('<I', riff & 0xffffffff) + body


def noise(n, seed=7):
    rnd = random.Random(seed)
    return b''.join(struct.pack('<h', rnd.randrange(-8000, 8000)) for _ in range(n))


def sounds():
    """name, bytes, exit codes allowed.  0 where the sound that is there is used, with a remark."""
    s = noise(8000)
    rnd = random.Random(2)
    junk = bytes(rnd.randrange(256) for _ in range(20000))
    nan = struct.pack('<f', float('nan')) * 8000
    yield 'good.wav', wav(s), '0'
    yield 'empty.wav', b'', '9'
    yield 'one-byte.wav', b'R', '9'
    yield 'garbage.wav', junk, '9'
    yield 'garbage.flac', b'fLaC' + junk, '9'
    yield 'garbage.ogg', b'OggS' + junk, '9'
    yield 'garbage.mp3', b'ID3\x04\0\0\x7f\x7f\x7f\x7f' + junk, '9'
    yield 'garbage.aiff', b'FORM\x7f\xff\xff\xffAIFF' + junk, '9'
    yield 'text.wav', b'This is not a sound.\n' * 50, '9'
    yield 'header-only.wav', wav(b''), '9'
    yield 'header-cut.wav', wav(s)[:30], '9'
    yield 'rate-0.wav', wav(s, rate=0), '9'
    yield 'rate-1.wav', wav(s, rate=1), '9'
    yield 'rate-huge.wav', wav(s, rate=0xffffffff), '9'
    yield 'channels-0.wav', wav(s, channels=0, align=2), '9'
    yield 'channels-65535.wav', wav(s, channels=65535, align=2), '9'
    yield 'bits-0.wav', wav(s, bits=0, align=2), '0,9'
    yield 'bits-255.wav', wav(s, bits=255, align=2), '9'
    yield 'align-0.wav', wav(s, align=0), '0,9'
    yield 'format-unknown.wav', wav(s, tag=0x7777), '9'
    yield 'ten-hours-on-1-kB.wav', wav(s[:1000], size=36000 * 32000), '0,9'
    yield 'size-ffffffff.wav', wav(s, size=0xffffffff, riff=0xffffffff), '0'
    yield 'size-negative.wav', wav(s, size=-2), '0,9'
    yield 'chunk-ffffffff.wav', wav(s, fmt_size=0xffffffff), '9'
    yield 'chunk-0.wav', wav(s, fmt_size=0), '0,9'
    yield 'odd-bytes.wav', wav(s + b'x'), '0'
    yield 'nan.wav', wav(nan, bits=32, tag=3), '0'
    yield 'inf.wav', wav(struct.pack('<f', float('inf')) * 8000, bits=32, tag=3), '0'
    yield 'float-huge.wav', wav(struct.pack('<f', 3e38) * 8000, bits=32, tag=3), '0'
    yield 'nan-double.wav', wav(struct.pack('<d', float('nan')) * 4000, bits=64, tag=3), '0'
    yield 'one-sample.wav', wav(s[:2]), '0,9'
    yield 'cut-in-sample.wav', wav(s)[:-1], '0'
    yield 'silence.wav', wav(b'\0' * 32000), '0'
    yield 'flac-header-lies.flac', (b'fLaC\x80\0\0\x22' + struct.pack('>HH', 4096, 4096) + b'\0' * 6
                                    + b'\xff' * 8 + b'\0' * 16), '9'


TABLES = (
    ('no-header.tsv', 'good.wav\thello\n'), ('no-text-column.tsv', 'file\twords\ngood.wav\thello\n'),
    ('short-line.tsv', 'file\ttext\tsource\ngood.wav\n'), ('empty.tsv', ''),
    ('only-header.tsv', 'file\ttext\n'), ('zero-bytes.tsv', 'file\ttext\ngood.wav\tab\0c\n'),
    ('no-name.tsv', 'file\ttext\n\thello\n'))


def cases(where):
    out = []

    def save(name, data):
        with open(os.path.join(where, name), 'wb') as f:
            f.write(data)

    model_ok = {'good': '0', 'weights-nan': '0,6', 'weights-inf': '0,6', 'weights-largest': '0,6'}
    for name, data in models():
        f = 'm-%s.bin' % name
        save(f, data)
        out.append(('model ' + name, model_ok.get(name, '6'), f, '--txt -q --model ./%s good.wav' % f))
    for name, data, codes in sounds():
        save(name, data)
        out.append(('sound ' + name, codes, name, '--txt -q --model ./m-good.bin ' + name))
    for name, text in TABLES:
        save(name, text.encode())
        out.append(('table ' + name, '2', name, 'score --model ./m-good.bin ' + name))
    save('absent.tsv', b'file\ttext\nabsent.wav\thello\n')
    save('damaged.tsv', b'file\ttext\ngarbage.wav\thello\n')
    os.mkdir(os.path.join(where, 'folder'))
    os.mkdir(os.path.join(where, 'folder.wav'))
    os.mkfifo(os.path.join(where, 'pipe.bin'))
    with open(os.path.join(where, 'm-20-gigabytes.bin'), 'wb') as f:
        f.truncate(20 << 30)
    with open(os.path.join(where, 'm-zeros.bin'), 'wb') as f:
        f.truncate(1 << 30)
    good = '--txt -q --model ./m-good.bin '
    out += [
        ('model folder', '6', 'folder', '--txt -q --model ./folder good.wav'),
        ('model device', '6', '/dev/zero', '--txt -q --model /dev/zero good.wav'),
        ('model pipe', '6', 'pipe.bin', '--txt -q --model ./pipe.bin good.wav'),
        ('model absent', '6', 'absent.bin', '--txt -q --model ./absent.bin good.wav'),
        ('model of 20 GB', '6', 'm-20-gigabytes.bin', '--txt -q --model ./m-20-gigabytes.bin good.wav'),
        ('model of zeros', '6', 'm-zeros.bin', '--txt -q --model ./m-zeros.bin good.wav'),
        ('model name unknown', '6', 'nonesuch', '--txt -q --model nonesuch good.wav'),
        ('info of a sound', '6', 'good.wav', 'models info ./good.wav'),
        ('info of garbage', '6', 'm-garbage.bin', 'models info ./m-garbage.bin'),
        ('get of a path', '2', '../evil', 'models get ../evil'),
        ('sound folder', '9', 'folder.wav', good + 'folder.wav'),
        ('sound device', '9', '/dev/zero', good + '/dev/zero'),
        ('sound absent', '9', 'absent.wav', good + './absent.wav'),
        ('sound is a model', '9', 'm-good.bin', good + 'm-good.bin'),
        ('table absent', '2', 'absent', 'score --model ./m-good.bin ./absent-table.tsv'),
        ('table folder', '2', 'folder', 'score --model ./m-good.bin ./folder'),
        ('table names an absent file', '9', 'absent.wav', 'score --model ./m-good.bin absent.tsv'),
        ('table names a damaged file', '9', 'garbage.wav', 'score --model ./m-good.bin damaged.tsv'),
        ('table is a sound', '2', 'good.wav', 'score --model ./m-good.bin good.wav'),
        ('output into a folder', '8', 'folder', good + '-o folder good.wav'),
        ('output into nowhere', '8', 'nowhere', good + '-o nowhere/x.txt good.wav'),
        ('output on a full disk', '8', '/dev/full',
         '--json -q --model ./m-good.bin -o /dev/full good.wav'),
        ('columns 9', '2', '9', good + '--columns 9 good.wav'),
        ('columns -1', '2', '-1', good + '--columns -1 good.wav'),
        ('threads 1e9', '2', '1000000000', good + '--threads 1000000000 good.wav'),
        ('audio context 0', '2', '0', good + '--audio-ctx 0 good.wav'),
        ('language unknown', '2', 'klingon', good + '--language klingon good.wav'),
        ('device unknown', '2,4', 'virtual:npu99', good + '--device virtual:npu99 good.wav'),
        ('option unknown', '2', 'nonesuch', good + '--nonesuch good.wav'),
        ('precision unknown', '2', 'f64', good + '--precision f64 good.wav'),
    ]
    with open(os.path.join(where, 'cases.tsv'), 'w') as f:
        for c in out:
            f.write('\t'.join(c) + '\n')


def seeds(where):
    for kind in ('model', 'sound', 'table'):
        os.makedirs(os.path.join(where, kind), exist_ok=True)
    global STATE, ACTX, TCTX, SPECIAL, WORDS, MELS
    STATE, ACTX, TCTX, MELS = 8, 8, 8, 4
    SPECIAL = SPECIAL[:3] + ['<|0.00|>']
    WORDS = [b' a', b'b'] + [s.encode() for s in SPECIAL]
    for name, data in models():
        if len(data) < 1 << 20:
            with open(os.path.join(where, 'model', name), 'wb') as f:
                f.write(data)
    for name, data, _ in sounds():
        with open(os.path.join(where, 'sound', name), 'wb') as f:
            f.write(data[:4096])
    for name, text in TABLES:
        with open(os.path.join(where, 'table', name), 'w') as f:
            f.write(text)


if __name__ == '__main__':
    if len(sys.argv) != 3 or sys.argv[1] not in ('cases', 'seeds'):
        sys.exit(__doc__)
    {'cases': cases, 'seeds': seeds}[sys.argv[1]](sys.argv[2])
