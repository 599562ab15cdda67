#!/usr/bin/env python3
"""How far INT8 is from the golden files: golden_int8.py OUT GOLDEN

For every case that OUT has: the largest and the rms difference of encoder output and logits, as a
share of the reference's standard deviation, and the agreement of the best token in forced decodes.
Fails (a line `not ok`) when a number is not finite, when the models without outliers agree in fewer
than 99 % of their forced steps or the one with outliers in fewer than 97 %, or when fewer than 95 % of
the plain ones agree strictly.  A step where the reference's own two best tokens lie nearer than the
case's `tie` agrees with either of them, as the golden files' README has it; strictly is without that
rule.  Standard library only.
"""
import array
import json
import math
import os
import sys

AGREE = {'models without outliers': 0.99, 'models with outliers': 0.97}
STRICT = {'models without outliers': 0.95}
ALL = {'models without outliers': 600, 'models with outliers': 80}    # steps; sanitizers have time for a part


def read(path, kind):
    a = array.array('f' if kind == 'f32' else 'i')
    with open(path, 'rb') as f:
        a.frombytes(f.read())
    if sys.byteorder == 'big':
        a.byteswap()
    return a


def shares(out, ref):
    mean = sum(ref) / len(ref)
    dev = math.sqrt(sum((v - mean) ** 2 for v in ref) / len(ref)) or 1.0
    diff = [abs(a - b) for a, b in zip(out, ref)]
    return max(diff) / dev, math.sqrt(sum(d * d for d in diff) / len(diff)) / dev


def forced(case, golden, out, ref, k):
    """(steps with the same best token, with another one that the reference has as near, all)"""
    val = read(os.path.join(golden, case['arrays']['top_val']['file']), 'f32')
    same = ties = 0
    for i in range(0, len(ref), k):
        row = list(ref[i:i + k])
        if out[i] == ref[i]:
            same += 1
        elif out[i] in row and val[i] - val[i + row.index(out[i])] < case.get('tie', 0.05):
            ties += 1
    return same, ties, len(ref) // k


def main():
    outdir, golden = sys.argv[1:3]
    with open(os.path.join(golden, 'manifest.json')) as f:
        cases = json.load(f)['cases']
    agree = {}
    bad = 0
    for case in cases:
        if case['kind'] not in ('enc', 'logits', 'forced'):
            continue
        model = case['id'].split('/')[1]
        for name, entry in case['arrays'].items():
            path = os.path.join(outdir, entry['file'])
            if entry.get('input') or name not in ('enc', 'logits', 'top_id') or not os.path.exists(path):
                continue
            out = read(path, entry['dtype'])
            ref = read(os.path.join(golden, entry['file']), entry['dtype'])
            if len(out) != len(ref):
                print('not ok int8 %s %s: has %d values, reference %d' % (
                    case['id'], name, len(out), len(ref)))
                bad += 1
            elif entry['dtype'] == 'f32':
                if not all(math.isfinite(v) for v in out):
                    print('not ok int8 %s %s: not finite' % (case['id'], name))
                    bad += 1
                else:
                    print('#   %-44s %-7s max %.3f rms %.4f of the deviation' % (
                        (case['id'], name) + shares(out, ref)))
            elif case['kind'] == 'forced':
                got = agree.setdefault(model, [0, 0, 0])
                for i, n in enumerate(forced(case, golden, out, ref, entry['shape'][-1])):
                    got[i] += n
    total = {}
    for model, got in sorted(agree.items()):
        print('#   top-1 on forced decodes of %-24s %3d of %3d, %5.1f %%, %d ties' % (
            model, got[0], got[2], 100.0 * got[0] / got[2], got[1]))
        kind = total.setdefault('models with%s outliers' % ('' if 'outliers' in model else 'out'), [0, 0, 0])
        for i, n in enumerate(got):
            kind[i] += n
    for kind, (same, ties, n) in sorted(total.items()):
        need, strictly = AGREE[kind] * n, STRICT.get(kind, 0) * n
        if n < ALL[kind]:                                    # whole steps: 79 of 80
            need, strictly = int(need), int(strictly)
        ok = same + ties >= need and same >= strictly
        print('%s int8 top-1 on forced decodes, %s: %d of %d, %.1f %% (%.1f strictly)' % (
            'ok' if ok else 'not ok', kind, same + ties, n, 100.0 * (same + ties) / n, 100.0 * same / n))
        bad += not ok
    if not agree:
        print('not ok int8: no forced decodes were written')
        bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
