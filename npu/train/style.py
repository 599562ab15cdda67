"""The one text style of the model: lower case, words only, apostrophes inside words kept.

Numbers are words, punctuation is gone unless it is spoken ("comma", "new line").
Everything that becomes a training target passes through plain().
"""
import re

ONES = ('zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen '
        'fifteen sixteen seventeen eighteen nineteen').split()
TENS = '_ _ twenty thirty forty fifty sixty seventy eighty ninety'.split()
SHORT = {'mr': 'mister', 'mrs': 'missus', 'dr': 'doctor', 'st': 'saint', 'etc': 'et cetera',
         'co': 'company', 'jr': 'junior', 'maj': 'major', 'gen': 'general', 'col': 'colonel',
         'capt': 'captain', 'esq': 'esquire', 'hon': 'honorable', 'rev': 'reverend',
         'ltd': 'limited', 'ft': 'fort', 'lieut': 'lieutenant', 'no': 'no'}
ALPHABET = " 'abcdefghijklmnopqrstuvwxyz"


def number(n):
    """A whole number below a million million in words, without "and"."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (' ' + ONES[n % 10] if n % 10 else '')
    if n < 1000:
        return ONES[n // 100] + ' hundred' + (' ' + number(n % 100) if n % 100 else '')
    for size, name in ((10 ** 9, 'billion'), (10 ** 6, 'million'), (1000, 'thousand')):
        if n >= size:
            return number(n // size) + ' ' + name + (' ' + number(n % size) if n % size else '')


def year(n):
    """A year the way it is said: nineteen eighty four, two thousand six, twenty twenty six."""
    if 2000 <= n < 2010 or n % 1000 == 0:
        return number(n)
    if n % 100 == 0:
        return number(n // 100) + ' hundred'
    tail = 'oh ' + ONES[n % 100] if n % 100 < 10 else number(n % 100)
    return number(n // 100) + ' ' + tail


def ordinal(n):
    """An ordinal below one hundred: first, twenty second, thirtieth."""
    odd = {'one': 'first', 'two': 'second', 'three': 'third', 'five': 'fifth', 'eight': 'eighth',
           'nine': 'ninth', 'twelve': 'twelfth'}
    head, _, last = number(n).rpartition(' ')
    last = odd.get(last) or (last[:-1] + 'ieth' if last.endswith('y') else last + 'th')
    return (head + ' ' + last).strip()


def plain(text):
    """Any transcript in the model's style."""
    text = text.lower().replace('\u2019', "'").replace('\u2018', "'").replace('&', ' and ')
    text = re.sub(r'(\d),(\d{3})', r'\1\2', text)
    text = re.sub(r'\b([a-z]+)\.(?=\s|$|,)', lambda m: SHORT.get(m[1], m[1]) + ' ', text)
    text = re.sub(r'\d+', lambda m: ' ' + number(min(int(m[0]), 10 ** 11)) + ' ', text)
    text = text.translate(str.maketrans('àâäáãåçèéêëìíîïñòóôöõùúûüýæœ',
                                        'aaaaaaceeeeiiiinooooouuuuyeo'))
    text = re.sub(r"[^a-z' ]+", ' ', text)
    text = re.sub(r"(?<![a-z])'+|'+(?![a-z])", ' ', text)
    return ' '.join(text.split())
