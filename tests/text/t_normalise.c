/* Whisper's English normalisation: what it is documented to do, rule by rule, and hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/text/normalise.h"

static void same(const char *in, const char *want)
{
    char *got = text_normalise(in, strlen(in));
    assert_non_null(got);
    if (strcmp(got, want) != 0) {
        print_error("in:   %s\n", in);
    }
    assert_string_equal(got, want);
    free(got);
}

static void case_and_marks(void **s)
{
    (void)s;
    same("", "");
    same("   \t\n ", "");
    same("Hello, World!  Is it -- really -- you?", "hello world is it really you");
    same("caf\xC3\xA9 na\xC3\xAFve \xC3\x86on \xC5\x92uvre Stra\xC3\x9F"
         "e",
         "cafe naive aeon oeuvre strasse");
    same("a\xC2\xA0wide\xE2\x80\x83gap", "a wide gap");
    same("rock \xE2\x99\xAB roll", "rock roll");
}

static void brackets(void **s)
{
    (void)s;
    same("well [laughter] then", "well then");
    same("<unk> yes (coughs) no", "yes no");
    same("open [but never closed", "open but never closed");
    same("empty () pair", "empty pair");
}

static void fillers(void **s)
{
    (void)s;
    same("uh I, um, think hmm so mhm mmm", "i think so");
    same("the hummus and the umbrella", "the hummus and the umbrella");
    same("10mm of rain", "10 mm of rain");
}

static void contractions(void **s)
{
    (void)s;
    same("Let's go, y'all", "let us go you all");
    same("I won't, I can't, I don't", "i will not i can not i do not");
    same("She's been here and he'd gone", "she has been here and he had gone");
    same("they're what I'd say we'll see I've I'm",
         "they are what i would say we will see i have i am");
    same("he 's here", "he is here");
    same("gonna wanna gotta", "going to want to got to");
    same("Mr. Jones and Dr. Smith Jr.", "mister jones and doctor smith junior");
    same("Mrs. Lane of St. Ives", "missus lane of saint ives");
}

static void whole_numbers(void **s)
{
    (void)s;
    same("two", "2");
    same("one", "one");
    same("twenty one", "21");
    same("two hundred", "200");
    same("two hundred and five", "205");
    same("three thousand twenty nine", "3029");
    same("forty three thousand two hundred and sixty", "43260");
    same("twelve million", "12000000");
    same("1,234,567 people", "1234567 people");
    same("zero", "0");
    same("nineteen eighty four", "1984");
    same("twenty twenty six", "2026");
    same("one nine eight four", "1984");
    same("five five five zero one three seven", "5550137");
    same("double oh seven", "007");
    same("one triple oh one", "10001");
    same("seven and eight", "7 and 8");
    same("seven twenty four", "724");
}

static void fractions_and_suffixes(void **s)
{
    (void)s;
    same("three point one four", "3.14");
    same("two point five million", "2500000");
    same("three and a half million", "3500000");
    same("a cup and a half", "a cup and a half");
    same("twenty first", "21st");
    same("the third of may", "the 3rd of may");
    same("the eighth and the ninth", "the 8th and the ninth");
    same("nineteen fifties", "1950s");
    same("two thousandth", "2000th");
    same("four point two billions", "4200000000s");
    same("the 10 th", "the 10th");
    same("b747", "b 747");
    same("point of order", "point of order");
    same("version 2.0 ended. 3", "version 2 ended 3");
}

static void money_and_signs(void **s)
{
    (void)s;
    same("twenty dollars", "$20");
    same("two dollars and seventy cents", "$2.70");
    same("two dollars and seven cents", "$2.07");
    same("three euros sixty five cents", "\xE2\x82\xAC"
                                         "3.65");
    same("\xC2\xA3"
         "77 thousand",
         "\xC2\xA3"
         "77000");
    same("$20.1 million", "$20100000");
    same("$0.36", "\xC2\xA2"
                  "36");
    same("ninety percent", "90%");
    same("seventy six per cent", "76%");
    same("ten per person", "10 per person");
    same("a percent sign %", "a percent sign");
    same("minus five hundred", "-500");
    same("plus ten", "+10");
    same("a plus for us", "a plus for us");
    same("fifty cents", "\xC2\xA2"
                        "50");
}

static void spelling(void **s)
{
    (void)s;
    same("The colours of the theatre, organised", "the colors of the theater organized");
    same("travelling neighbours apologise", "traveling neighbors apologize");
    same("the analysis was realised", "the analysis was realized");
    same("cancelation", "cancellation");
    same("four hours of our tour", "4 hours of our tour");
}

/* Nothing crashes, every result is valid as input again, and twice is not different from three
 * times. */
static void any_bytes(void **s)
{
    (void)s;
    uint32_t x = 2463534242u;
    static const char *const piece[] = {"one ",   "hundred ",   "'s ",      "[",
                                        ")",      "$",          "1",        ".",
                                        " and ",  "decillion ", "\xC3",     "\xE2\x82\xAC",
                                        "point ", "per ",       "cent ",    "double ",
                                        "th ",    "%",          "\xCC\x81", "x"};
    for (int k = 0; k < 20000; k++) {
        char buf[256];
        size_t n = 0;
        for (int i = 0; i < 20; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            const char *p = piece[x % (sizeof piece / sizeof *piece)];
            memcpy(buf + n, p, strlen(p));
            n += strlen(p);
            buf[n++] = (char)(x >> 24 & 15 ? ' ' : x >> 16);
        }
        char *a = text_normalise(buf, n);
        assert_non_null(a);
        char *b = text_normalise(a, strlen(a));
        assert_non_null(b);
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_and_marks),  cmocka_unit_test(brackets),
        cmocka_unit_test(fillers),         cmocka_unit_test(contractions),
        cmocka_unit_test(whole_numbers),   cmocka_unit_test(fractions_and_suffixes),
        cmocka_unit_test(money_and_signs), cmocka_unit_test(spelling),
        cmocka_unit_test(any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
