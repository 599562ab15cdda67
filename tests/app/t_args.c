/* The command line: every row of the table, good values, bad values, guesses, the help text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/args_table.h"

static struct args a;
static struct err e;

/* Parses a line of words; the words stay in place until the next call. */
static int parse(const char *line)
{
    static char buf[1024];
    static char *argv[64];
    int argc = 0;
    snprintf(buf, sizeof buf, "%s", line);
    for (char *w = strtok(buf, " "); w && argc < 63; w = strtok(NULL, " ")) {
        argv[argc++] = w;
    }
    argv[argc] = NULL;
    memset(&e, 0, sizeof e);
    return args_parse(&a, argc, argv, &e);
}

static void good(const char *line)
{
    if (parse(line)) {
        fail_msg("%s: %s", line, e.text);
    }
}

/* Refused with code 2 and a sentence that holds `part`. */
static void bad(const char *line, const char *part)
{
    if (parse(line) != -ERR_USAGE || e.code != ERR_USAGE || !strstr(e.text, part)) {
        fail_msg("%s: code %d, \"%s\" lacks \"%s\"", line, e.code, e.text, part);
    }
}

static void test_table(void **state)
{
    (void)state;
    for (int i = 0; i < args_n_row; i++) {
        const struct args_row *r = &args_row[i];
        assert_non_null(r->name);
        assert_non_null(r->help);
        assert_true(strlen(r->name) >= 3);
        assert_int_not_equal(r->cmds, 0);
        bool takes = r->kind != OPT_FLAG && r->kind != OPT_COUNT && r->kind != OPT_SET &&
                     r->kind != OPT_FORMAT && r->kind != OPT_PACE;
        assert_int_equal(takes, r->value != NULL);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(r->name, args_row[k].name);
            assert_true(!r->letter || r->letter != args_row[k].letter);
        }
    }
}

static void test_run(void **state)
{
    (void)state;
    good("dictate");
    assert_int_equal(a.cmd, ARGS_RUN);
    assert_int_equal(a.n_pos, 0);
    assert_int_equal(a.format, ARGS_FMT_NONE);
    good(
        "dictate talk.wav --json --model tiny.en --precision f32 --device virtual:npu1 --columns 3 "
        "--threads 2 -o x.txt");
    assert_string_equal(a.pos[0], "talk.wav");
    assert_int_equal(a.format, ARGS_FMT_JSON);
    assert_string_equal(a.model, "tiny.en");
    assert_int_equal(a.precision, ASR_PREC_F32);
    assert_string_equal(a.device, "virtual:npu1");
    assert_int_equal(a.columns, 3);
    assert_int_equal(a.threads, 2);
    assert_string_equal(a.out, "x.txt");
    good("dictate --srt -- -odd-name.wav");
    assert_string_equal(a.pos[0], "-odd-name.wav");
    good("dictate - --rate 44100 --channels 2 --paced");
    assert_string_equal(a.pos[0], "-");
    assert_int_equal(a.rate, 44100);
    assert_int_equal(a.channels, 2);
    assert_int_equal(a.pace, ARGS_PACE_REAL);
    good("dictate -vv -q --no-timestamps x.wav");
    assert_int_equal(a.verbose, 2);
    assert_true(a.quiet);
    assert_int_equal(a.timestamps, 0);
    good("dictate --dump d --cases c.tsv --models m");
    good("dictate --dump d x.wav");
}

static void test_params(void **state)
{
    (void)state;
    good("dictate x.wav");
    struct asr_params d = asr_params_default(), p = args_params(&a);
    assert_int_equal(p.language, d.language);
    good("dictate x.wav --language de --translate --prompt Marta --no-timestamps --audio-ctx 512");
    p = args_params(&a);
    assert_string_equal(asr_lang_code(p.language), "de");
    assert_true(p.translate);
    assert_string_equal(p.prompt, "Marta");
    assert_true(p.no_timestamps);
    assert_int_equal(p.audio_ctx, 512);
    good("dictate x.wav -l german");
    assert_string_equal(asr_lang_code(args_params(&a).language), "de");
    good("dictate x.wav -l auto");
    assert_int_equal(args_params(&a).language, -1);
}

static void test_commands(void **state)
{
    (void)state;
    good("dictate doctor --json");
    assert_int_equal(a.cmd, ARGS_DOCTOR);
    assert_int_equal(a.format, ARGS_FMT_JSON);
    good("dictate models get tiny.en");
    assert_int_equal(a.n_pos, 2);
    good("dictate score list.tsv --json --model x");
    assert_string_equal(a.pos[0], "list.tsv");
    good("dictate bench --columns 1,2,4");
    assert_int_equal(a.n_columns, 3);
    assert_int_equal(a.column_list[2], 4);
    good("dictate version");
    good("dictate help score");
    good("dictate score --help");
    assert_true(a.help);
    good("dictate ./score"); /* a file of that name */
    assert_int_equal(a.cmd, ARGS_RUN);
    char name[] = "score", list[] = "l.tsv", *argv[] = {name, list, NULL};
    assert_int_equal(args_parse_cmd(&a, ARGS_SCORE, 2, argv, &e), 0);
    assert_string_equal(a.pos[0], "l.tsv");
}

static void test_refused(void **state)
{
    (void)state;
    bad("dictate --jsn x.wav", "did you mean --json");
    bad("dictate --colums 4 x.wav", "did you mean --columns");
    bad("dictate --xyzzyplugh", "--help");
    bad("dictate -Z", "-Z");
    bad("dictate --model", "needs a value");
    bad("dictate -o", "needs a value");
    bad("dictate --model= x.wav", "not empty");
    bad("dictate --json=3 x.wav", "takes no value");
    bad("dictate --no x.wav", "fits several");
    bad("dictate --columns 0 x.wav", "1 to 8");
    bad("dictate --columns 9 x.wav", "1 to 8");
    bad("dictate --columns 2x x.wav", "1 to 8");
    bad("dictate --columns 1,2 x.wav", "bench");
    bad("dictate bench --columns 1,,2", "1 to 8");
    bad("dictate bench --columns 1,2,", "1 to 8");
    bad("dictate bench --columns 1,2,3,4,5,6,7,8,1", "1 to 8");
    bad("dictate --threads 99999999999999999999 x.wav", "1 to 256");
    bad("dictate --threads -1 x.wav", "1 to 256");
    bad("dictate --precision int4 x.wav", "int8|f32");
    bad("dictate --language klingon x.wav", "klingon");
    bad("dictate --glyphs emoji", "utf8");
    bad("dictate --json --srt x.wav", "exclude");
    bad("dictate --fast --paced x.wav", "exclude");
    bad("dictate a.wav b.wav", "one at a time");
    bad("dictate --fast", "needs a sound file");
    bad("dictate --rate 8000 x.wav", "standard input");
    bad("dictate - --rate 0", "1000 to 384000");
    bad("dictate --mic hw:0 x.wav", "exclude");
    bad("dictate --cases c.tsv", "--dump");
    bad("dictate --dump d", "--cases");
    bad("dictate --dump d --cases c", "--models");
    bad("dictate docter", "dictate doctor");
    bad("dictate --quiet score", "comes first");
    bad("dictate score", "LIST.tsv");
    bad("dictate score a b", "too many");
    bad("dictate models", "list");
    bad("dictate doctor --srt", "doctor");
    bad("dictate bench --paced", "bench");
}

static void test_formats(void **state)
{
    (void)state;
    assert_int_equal(args_format_of("a.SRT"), ARGS_FMT_SRT);
    assert_int_equal(args_format_of("/x.y/a.vtt"), ARGS_FMT_VTT);
    assert_int_equal(args_format_of("a.json"), ARGS_FMT_JSON);
    assert_int_equal(args_format_of("a.jsonl"), ARGS_FMT_JSON);
    assert_int_equal(args_format_of("a.txt"), ARGS_FMT_TXT);
    assert_int_equal(args_format_of("/x.srt/a"), ARGS_FMT_NONE);
    assert_int_equal(args_format_of("a.wav"), ARGS_FMT_NONE);
    assert_int_equal(args_format_of(""), ARGS_FMT_NONE);
}

/* Every command's help fits 80 columns, ends in a newline, names every option it takes. */
static void test_help(void **state)
{
    (void)state;
    for (int c = 0; c < ARGS_CMD_COUNT; c++) {
        char *text = NULL;
        size_t n = 0, col = 0;
        FILE *f = open_memstream(&text, &n);
        args_usage(f, (enum args_cmd)c);
        fclose(f);
        assert_true(n > 20 && text[n - 1] == '\n');
        for (size_t i = 0; i < n; i++) {
            col = text[i] == '\n' ? 0 : col + 1;
            assert_true(col <= 80);
            assert_true(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
        }
        for (int i = 0; i < args_n_row; i++) {
            char name[64];
            snprintf(name, sizeof name, "--%s", args_row[i].name);
            if (args_row[i].cmds & CMD(c)) {
                assert_non_null(strstr(text, name));
            }
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_run),
        cmocka_unit_test(test_params),  cmocka_unit_test(test_commands),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_formats),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
