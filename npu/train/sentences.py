#!/usr/bin/python3
"""What people dictate, made up: everyday and technical sentences, numbers, dates, times, money,
spelled letters, addresses, spoken punctuation and commands.

    python3 sentences.py [SEED [COUNT]]      print some, with their kind

Every sentence is a random walk through templates and word lists of our own.  make(rng) gives
(kind, text); text is already in the model's style (style.py), numbers as words.
"""
import random
import sys

from style import ONES, number, ordinal, plain, year


def words(s):
    return [w.replace('_', ' ') for w in s.split()]


LISTS = {
    'person': words('anna ben carla daniel emma frank george hannah isaac julia kevin laura martin '
                    'nina oliver paula peter rachel robert sarah simon sofia thomas victor alice '
                    'henry james john mary david susan michael karen maria alex sam tom jane kate '
                    'the_manager the_doctor my_brother my_sister my_mother my_father my_wife '
                    'my_husband our_neighbour the_teacher the_team the_client the_driver the_boss '
                    'my_friend the_nurse the_lawyer the_engineer the_director everyone somebody'),
    'name': words('anna ben carla daniel emma frank george hannah isaac julia kevin laura martin nina '
                  'oliver paula peter rachel robert sarah simon sofia thomas victor alice henry james '
                  'john mary david susan michael karen maria alex sam tom jane kate grace lucy mark'),
    'surname': words('smith jones brown taylor wilson miller davis walker white hall green king baker '
                     'carter cooper morgan parker reed ward young hill scott adams turner fisher'),
    'place': words('london paris berlin boston chicago new_york dublin madrid rome vienna oslo sydney '
                   'toronto seattle texas california scotland ireland germany france canada japan'),
    'spot': words('the_office the_kitchen the_garden the_station the_airport the_hotel the_market '
                  'the_library the_hospital the_school the_park the_beach the_garage the_bank '
                  'the_meeting_room the_post_office the_supermarket the_restaurant the_museum '
                  'the_car_park the_bus_stop the_corner_shop the_workshop home town work the_river '
                  'the_bridge the_village the_theatre the_bakery the_pharmacy the_gym the_pool'),
    'thing': words('report letter message book table window door phone computer keyboard screen '
                   'printer camera bottle bag box key car bicycle ticket passport invoice contract '
                   'letter map picture chair lamp clock jacket umbrella parcel package notebook '
                   'pencil folder cable battery charger bill receipt form list plan budget schedule '
                   'proposal drawing photo recipe calendar mirror carpet sofa fridge oven kettle '
                   'hammer ladder bucket brush engine wheel tyre guitar piano radio magazine'),
    'adj': words('new old small large red blue green black white yellow broken clean empty heavy light '
                 'long short cheap expensive beautiful simple strange quiet loud fresh warm cold dry '
                 'wet dark bright important useful different second last first final short better '
                 'wooden silver digital wireless spare missing correct wrong full open early late'),
    'food': words('bread butter cheese milk coffee tea sugar salt pepper rice pasta chicken fish beef '
                  'potatoes tomatoes onions carrots apples oranges bananas eggs soup salad pizza '
                  'chocolate cake biscuits orange_juice lemon honey yogurt mushrooms garlic olive_oil'),
    'person_obj': words('me him her us them you'),
    'day': words('monday tuesday wednesday thursday friday saturday sunday'),
    'month': words('january february march april may june july august september october november '
                   'december'),
    'when': words('today tomorrow yesterday tonight this_morning this_afternoon this_evening '
                  'next_week last_week next_month next_year on_monday on_friday on_the_weekend '
                  'right_now later soon before_lunch after_dinner at_noon at_midnight in_the_morning '
                  'in_the_evening every_day once_a_week as_soon_as_possible at_the_end_of_the_month '
                  'next_tuesday last_thursday in_an_hour in_ten_minutes two_days_ago a_year_ago'),
    'past': words('found lost bought sold opened closed cleaned moved painted repaired carried '
                  'finished forgot needed wanted ordered delivered checked sent received changed '
                  'dropped left borrowed returned brought took made saw kept showed'),
    'verb': words('find buy sell open close clean move paint repair carry finish order deliver check '
                  'send change drop leave borrow return bring take make see keep show read write sign '
                  'print copy read wash update replace cancel collect wrap measure pack'),
    'feel': words('happy tired busy hungry thirsty worried sorry ready late early angry surprised '
                  'excited pleased bored sick better fine sure afraid alone proud lucky nervous'),
    'tech': words('server database network file folder password program function variable compiler '
                  'browser website window button memory processor disk printer camera microphone '
                  'speaker keyboard update backup test branch commit driver kernel device thread '
                  'buffer cache model pipeline script log error exception request response user '
                  'account token table column query index interface library package module version '
                  'release build container cluster router firewall certificate socket packet queue'),
    'techadj': words('new old fast slow broken local remote private public empty large small main '
                     'temporary virtual shared secure default global static internal external'),
    'techverb': words('restart install remove update test compile run stop delete copy rename debug '
                      'merge deploy download upload encrypt configure replace review rewrite open '
                      'close connect disconnect check measure allocate release call load save print'),
    'weather': words('sunny rainy cloudy windy foggy snowy cold warm hot stormy dry humid freezing mild'),
    'animal': words('dog cat horse bird cow sheep rabbit mouse fish duck chicken goat fox bear lion'),
    'adverb': words('quickly slowly carefully quietly really always never often sometimes usually '
                    'finally suddenly probably certainly almost already easily exactly simply'),
    'topic': words('the_weather the_price the_project the_meeting the_holiday the_house the_results '
                   'the_problem the_game the_party the_deadline the_design the_contract the_music '
                   'the_garden the_exam the_interview the_trip the_wedding the_accident the_election '
                   'the_economy the_history the_future the_budget the_news the_plan the_question'),
    'unit': words('minutes hours days weeks months years metres kilometres miles kilograms grams litres '
                  'pages people dollars pounds degrees percent seconds megabytes gigabytes '
                  'milliseconds watts volts steps lines words inches feet boxes cups'),
    'job': words('doctor nurse teacher driver engineer lawyer farmer painter writer student pilot cook '
                 'waiter builder scientist programmer designer manager singer actor soldier'),
    'conj': words('because although while before after when if unless so and but until since'),
    'company': words('example acme northwind bluebird sunrise riverside greenfield oakwood contact '
                     'support office mailbox webmail openhouse bookshop cityhall'),
    'tld': words('com org net dot_co_dot_uk edu de io').copy(),
}
LISTS['tld'] = ['com', 'com', 'com', 'org', 'net', 'co dot uk', 'edu', 'de', 'io']

EVERYDAY = '''
{person} {past} the {adj} {thing} {when}
{person} {past} a {thing} in {spot} and a {adj} {thing} at {spot}
i think we should {verb} the {thing} {when}
could you please {verb} the {thing} for {person_obj}
please {verb} the {adj} {thing} and then {verb} the {thing}
i would like to {verb} a {adj} {thing} {when}
we need some {food} and {food} from {spot}
don't forget to buy {food} {food} and {food}
can we meet at {spot} {when}
let's meet {when} at {spot}
i'm very {feel} about {topic}
{person} is {feel} {conj} {person} {past} the {thing}
the {thing} is on the {thing} in {spot}
where is the {adj} {thing}
where did {person} put the {thing}
what do you think about {topic}
how much is the {adj} {thing}
how long does it take to get to {place}
i will be in {place} {when}
{person} is going to {place} {when}
we are flying from {place} to {place} on {day}
the train to {place} leaves from {spot} at {clock}
it was {weather} in {place} {when} and it will be {weather} {when}
the weather is {weather} today
thank you for your help with {topic}
thanks for the {thing} {person_obj} and {person} talked about
i'm sorry i {past} your {thing}
dear {name} thank you for your letter about {topic}
dear {person} i'm writing to you about {topic}
best regards {name} {surname}
my name is {name} {surname} and i live in {place}
{name} {surname} works as a {job} in {place}
he told {person_obj} that {person} {past} the {thing}
she said that the {thing} was {adj} and the {thing} was {adj}
they {adverb} {past} the {thing} {conj} {person} was {feel}
do you want {food} or {food} with your {food}
the {animal} is sleeping under the {thing}
my {animal} and your {animal} are in {spot}
there are {num} {animal}s in {spot}
i have {num} {thing}s and {num} {thing}s
it takes about {num} {unit} to {verb} the {thing}
we have been waiting for {num} {unit}
call {person} {when} and ask about {topic}
remind {person_obj} to {verb} the {thing} {when}
i don't know where the {thing} is
i can't {verb} the {thing} {conj} it is {adj}
you shouldn't {verb} the {thing} {when}
what time is {topic} {when}
is {person} at {spot} or at {spot}
{person} and {person} {past} the {thing} together
this is the {adj} {thing} that {person} {past} {when}
if it is {weather} {when} we will stay at home
turn on the {thing} in {spot}
turn off the {adj} lamp and close the {thing}
i haven't seen {person} since {month}
her birthday is on the {ord} of {month}
we have a meeting about {topic} at {clock}
hello how are you {when}
good morning everyone and welcome to {topic}
good evening i would like a table for {small} people
i really like {food} but i don't like {food}
it's too {adj} and too {adj}
that is a very {adj} {thing}
everything was {adj} and nobody was {feel}
yes that's right
no thank you i'm {feel}
i'll see you {when}
let me know if you have any questions about {topic}
please send {person_obj} the {thing} by {day}
the {job} asked the {job} about {topic}
'''.strip().split('\n')

TECHNICAL = '''
please {techverb} the {tech} and {techverb} the {tech}
the {techadj} {tech} is {techadj}
the {tech} does not {techverb} the {tech}
we should {techverb} the {techadj} {tech} before the next release
can you {techverb} the {tech} on the {techadj} {tech}
there is an error in the {techadj} {tech}
the {tech} returns an {techadj} {tech} after {num} seconds
the {techadj} {tech} uses {num} {unit} of memory
add a {tech} to the {techadj} {tech}
move the {tech} from the {tech} to the {tech}
the {tech} test failed on line {num}
version {small} point {small} of the {tech} is ready
i {past} a {tech} in the {techadj} {tech} {when}
the function takes a {tech} and returns a {tech}
if the {tech} is {techadj} then {techverb} the {tech}
open the {tech} and {techverb} the {tech} called {name}
the {tech} has {num} {tech}s and {num} {tech}s
to do {techverb} the {tech} {when}
make the {tech} {num} percent faster
the {tech} crashed {conj} the {tech} was {techadj}
for each {tech} in the {tech} {techverb} the {tech}
set the {tech} to {num}
the {tech} runs on {small} threads
fix the {techadj} {tech} and write a test for it
this commit removes the {techadj} {tech} from the {tech}
'''.strip().split('\n')

PUNCTUATION = ['comma', 'comma', 'comma', 'full stop', 'full stop', 'period', 'question mark',
               'exclamation mark', 'colon', 'semicolon', 'dash', 'hyphen', 'new line',
               'new paragraph', 'open quote', 'close quote', 'open bracket', 'close bracket',
               'slash', 'underscore', 'at sign']
COMMANDS = ['scratch that', 'new line', 'new paragraph', 'full stop', 'comma', 'question mark',
            'exclamation mark', 'period', 'colon', 'semicolon', 'delete that', 'undo that', 'undo',
            'redo', 'stop listening', 'start listening', 'go to sleep', 'wake up', 'select all',
            'copy that', 'paste that', 'delete the last word', 'delete the last sentence',
            'go back', 'save the file', 'open quote', 'close quote', 'all caps', 'cap', 'caps on',
            'caps off', 'no space', 'spell that', 'stop dictation', 'start dictation', 'pause',
            'resume', 'next line', 'bullet point', 'tab key', 'enter', 'escape', 'space bar',
            'correct that', 'move to the end', 'move up', 'move down', 'read that back']
LETTERS = 'abcdefghijklmnopqrstuvwxyz'
NATO = words('alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november '
             'oscar papa quebec romeo sierra tango uniform victor whiskey x-ray yankee zulu')


def digits(r, n=None):
    """A string of digits as said one by one; zero is sometimes "oh"."""
    oh = r.random() < 0.2
    return ' '.join('oh' if oh and d == 0 else ONES[d]
                    for d in (r.randrange(10) for _ in range(n or r.randint(1, 10))))


def clock(r):
    h, m = r.randint(1, 12), r.randrange(60)
    return r.choice([
        lambda: ONES[h] + " o'clock",
        lambda: 'half past ' + ONES[h],
        lambda: 'quarter ' + r.choice(['to ', 'past ']) + ONES[h],
        lambda: '%s %s %s' % (r.choice(['five', 'ten', 'twenty', 'twenty five']),
                              r.choice(['to', 'past']), ONES[h]),
        lambda: ONES[h] + ' ' + (number(m) if m > 9 else 'oh ' + ONES[m] if m else 'hundred'),
        lambda: ONES[h] + r.choice([' a m', ' p m', ' in the morning', ' in the afternoon']),
        lambda: ONES[h] + ' thirty' + r.choice([' a m', ' p m', '']),
    ])()


def anumber(r):
    """A whole number, small ones more often."""
    return number(r.choice([r.randint(2, 12), r.randint(2, 99), r.randint(2, 99),
                            r.randint(100, 999), 100 * r.randint(1, 99), r.randint(1000, 9999)]))


def date(r):
    d, m = ordinal(r.randint(1, 31)), r.choice(LISTS['month'])
    y = year(r.choice([r.randint(1900, 1999), r.randint(2000, 2030)]))
    return r.choice(['the %s of %s' % (d, m), '%s %s' % (m, d), '%s %s %s' % (m, d, y),
                     'the %s of %s %s' % (d, m, y), '%s %s' % (m, y), y,
                     '%s the %s of %s' % (r.choice(LISTS['day']), d, m)])


def money(r):
    n = r.choice([r.randint(1, 20), r.randint(1, 99), r.randint(100, 999), 1000 * r.randint(1, 90)])
    c = number(r.randint(1, 99))
    return r.choice(['%s dollars' % number(n), '%s pounds' % number(n), '%s euros' % number(n),
                     '%s dollars and %s cents' % (number(n), c), '%s pounds %s' % (number(n), c),
                     '%s euros %s' % (number(n), c), '%s ninety nine' % number(n)])


def address(r):
    """An e-mail or web address as spoken."""
    n, s = r.choice(LISTS['name']), r.choice(LISTS['surname'])
    who = r.choice([n, n + ' dot ' + s, n + ' underscore ' + s, n[0] + ' dot ' + s,
                    n + ' ' + digits(r, 2), 'info', 'hello', n + ' dash ' + s])
    host = r.choice(LISTS['company'] + LISTS['surname']) + ' dot ' + r.choice(LISTS['tld'])
    web = r.choice(['w w w dot ', '', '']) + host + r.choice(
        ['', '', ' slash ' + r.choice(LISTS['tech']), ' slash ' + r.choice(LISTS['thing'])])
    return who + ' at ' + host if r.random() < 0.6 else web


def spelled(r):
    """Letters one by one: a name, a word, a random code with digits, or the radio alphabet."""
    k = r.randrange(5)
    if k == 0:
        w = r.choice(LISTS['name'] + LISTS['surname'])
        return w + r.choice([' ', ' spelled ', ' that is ']) + ' '.join(w)
    if k == 1:
        return ' '.join(r.choice(LISTS['thing'] + LISTS['name'] + LISTS['tech']))
    if k == 2:
        return ' '.join(r.choice(NATO) for _ in range(r.randint(2, 6))).replace('-', ' ')
    if k == 3:
        return ' '.join(r.choice([r.choice(LETTERS), r.choice(LETTERS), ONES[r.randrange(10)]])
                        for _ in range(r.randint(3, 8)))
    return ' '.join(r.choice(LETTERS) for _ in range(r.randint(1, 8)))


def numeric(r):
    k = r.randrange(7)
    if k == 0:
        return anumber(r) + ' ' + r.choice(['plus', 'minus', 'times', 'divided by']) + ' ' + anumber(r)
    if k == 1:
        return number(r.randrange(100)) + ' point ' + digits(r, r.randint(1, 3))
    if k == 2:
        return number(r.randint(1, 99)) + ' percent'
    if k == 3:
        return anumber(r)
    if k == 4:
        return anumber(r) + ' ' + r.choice(LISTS['unit'])
    if k == 5:
        return 'number ' + anumber(r)
    return ' '.join(anumber(r) for _ in range(r.randint(2, 4)))


def fill(r, template):
    """A template with every {slot} replaced; {num} {small} {ord} {clock} are made up."""
    made = {'num': anumber, 'small': lambda r: number(r.randint(1, 12)),
            'ord': lambda r: ordinal(r.randint(1, 31)), 'clock': clock}
    out = []
    for part in template.replace('}', '{').split('{'):
        out.append(r.choice(LISTS[part]) if part in LISTS
                   else made[part](r) if part in made else part)
    return ''.join(out)


def everyday(r):
    return fill(r, r.choice(EVERYDAY))


def technical(r):
    return fill(r, r.choice(TECHNICAL))


def punctuated(r):
    """A dictated sentence with its punctuation spoken."""
    a = r.choice([everyday, everyday, technical])(r).split()
    if len(a) > 5 and r.random() < 0.6:
        a.insert(r.randint(2, len(a) - 2), r.choice(PUNCTUATION))
    end = r.choice(['full stop', 'full stop', 'period', 'question mark', 'exclamation mark', 'comma',
                    'full stop new line', 'full stop new paragraph', 'new line', 'colon'])
    return ' '.join(a) + ' ' + end


def command(r):
    return r.choice(COMMANDS) if r.random() < 0.7 else \
        r.choice(COMMANDS) + ' ' + r.choice(COMMANDS)


def carried(r):
    """A number, date, time, price or address inside a short sentence."""
    k = r.randrange(6)
    if k == 0:
        return r.choice(['my number is ', 'the code is ', 'please call ', 'the pin is ', 'dial ',
                         'my phone number is ', 'room ', 'enter ', 'flight ']) + digits(r)
    if k == 1:
        return r.choice(['the meeting is at ', 'see you at ', 'it is ', 'the train leaves at ',
                         'wake me up at ', 'set an alarm for ', 'we open at ']) + clock(r)
    if k == 2:
        return r.choice(['it costs ', 'the total is ', 'i paid ', 'that will be ', 'please transfer ',
                         'the price is ', 'we spent ']) + money(r)
    if k == 3:
        return r.choice(['the date is ', 'i was born on ', 'it happened on ', 'the deadline is ',
                         'we moved here in ', 'since ', 'on ']) + date(r)
    if k == 4:
        return r.choice(['my email address is ', 'write to ', 'the website is ', 'go to ',
                         'please visit ', 'send it to ']) + address(r)
    return r.choice(['the temperature is ', 'the answer is ', 'we need ', 'chapter ', 'page ',
                     'the result was ', 'about ']) + numeric(r)


KINDS = ((everyday, 30), (technical, 14), (punctuated, 12), (command, 9), (digits, 9), (carried, 12),
         (spelled, 5), (numeric, 3), (clock, 2), (date, 2), (money, 1), (address, 1))


def make(r):
    """One made-up utterance: (kind, text)."""
    f = r.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
    return f.__name__, plain(f(r).replace("o'clock", "o'clock"))


if __name__ == '__main__':
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 30):
        print('%-10s %s' % make(rng))
