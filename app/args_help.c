/* The option table and the help text made from it.  Main thread; allocates nothing. */
#include <string.h>

#include "app/args_table.h"

#define AT(field) offsetof(struct args, field)

enum {
    RUN = CMD(ARGS_RUN),
    DOC = CMD(ARGS_DOCTOR),
    MOD = CMD(ARGS_MODELS),
    SCO = CMD(ARGS_SCORE),
    BEN = CMD(ARGS_BENCH),
    ALL = CMD(ARGS_CMD_COUNT) - 1,
    ENG = RUN | DOC | SCO | BEN, /* those that open an engine */
    TXT = RUN | SCO,             /* those that recognise */
};

const struct args_cmd_info args_cmd[ARGS_CMD_COUNT] = {
    {"", "[OPTIONS] [FILE | -]", "live dictation, or a sound file as text", 0, 1, ""},
    {"doctor", "doctor [OPTIONS]", "check microphone, NPU, model, CPU, terminal", 0, 0, ""},
    {"models", "models list | info FILE | get NAME", "which models there are; fetch one", 1, 2,
     "\"list\", \"info FILE\" or \"get NAME\""},
    {"score", "score LIST.tsv [OPTIONS]", "word and character error rates of a list of files", 1, 1,
     "a table: LIST.tsv with columns file and text"},
    {"bench", "bench [OPTIONS]", "how fast this machine is, stage by stage", 0, 0, ""},
    {"plan", "plan [OPTIONS]", "what an NPU would take, by the cost model", 0, 0, ""},
    {"version", "version", "print the version", 0, 0, ""},
    {"help", "help [COMMAND]", "print this help", 0, 1, ""},
};

const struct args_row args_row[] = {
    {"model", 'm', "NAME", OPT_STR, AT(model), ENG, 0, 0, NULL, "Model and device",
     "model file, or its name (dictate models list)"},
    {"precision", 0, "KIND", OPT_PRECISION, 0, ENG, 0, 0, "int8|f32", NULL,
     "int8 (default), or f32, the slow reference"},
    {"device", 0, "DEV", OPT_STR, AT(device), ENG, 0, 0, NULL, NULL,
     "virtual (default), virtual:npu4, virtual:npu1, npu"},
    {"columns", 0, "N", OPT_COLUMNS, 0, ENG, 1, 8, NULL, NULL,
     "columns of the device, 1 to 8 (bench: a list, 1,2,4)"},
    {"threads", 't', "N", OPT_INT, AT(threads), ENG, 1, 256, NULL, NULL,
     "host threads that serve the columns (default: CPUs)"},
    {"no-packs", 0, NULL, OPT_FLAG, AT(no_packs), ENG, 0, 0, NULL, NULL,
     "pack the weights anew and keep no copy of them"},
    {"seconds", 0, "N", OPT_INT, AT(seconds), BEN, 1, 60, NULL, NULL,
     "time given to each figure (2)"},

    {"strategy", 0, "NAME", OPT_STR, AT(strategy), BEN, 0, 0, NULL, NULL,
     "all, boundary, columns, dispatch, buffers, transfers,\n"
     "                         tiles, fusion, array: ways to hand over one pass"},
    {"dispatch", 0, "LIST", OPT_STR, AT(dispatch), BEN, 0, 0, NULL, NULL,
     "serial,pipelined,columns: those of that strategy"},

    {"language", 'l', "LANG", OPT_LANGUAGE, 0, TXT, 0, 0, NULL, "Recognition",
     "language spoken: en (default), de, ...; auto finds out"},
    {"translate", 0, NULL, OPT_FLAG, AT(translate), TXT, 0, 0, NULL, NULL,
     "into English, with a multilingual model"},
    {"prompt", 0, "TEXT", OPT_STR, AT(prompt), TXT, 0, 0, NULL, NULL, "names and words to expect"},
    {"timestamps", 0, NULL, OPT_SET, AT(timestamps), TXT, 1, 0, NULL, NULL,
     "times before each line, also with --txt"},
    {"no-timestamps", 0, NULL, OPT_SET, AT(timestamps), TXT, 0, 0, NULL, NULL,
     "neither ask the model for times nor print them"},
    {"audio-ctx", 0, "N", OPT_INT, AT(audio_ctx), TXT | BEN, 1, 1500, NULL, NULL,
     "encoder positions, 20 ms each (default: as needed)"},

    {"mic", 0, "NAME", OPT_STR, AT(mic), RUN | DOC, 0, 0, NULL, "Sound",
     "microphone (doctor lists them); fault:SCRIPT (man page)"},
    {"talk", 0, "MODE", OPT_WORD, AT(talk), RUN, 0, 0, "open|toggle|hold", NULL,
     "open (default): hears always; else by Space"},
    {"wait", 0, "S", OPT_INT, AT(wait), RUN, 0, 86400, NULL, NULL,
     "for a microphone that went away (60; screen: for ever)"},
    {"rate", 0, "N", OPT_INT, AT(rate), RUN, 1000, 384000, NULL, NULL,
     "of raw standard input, samples a second (16000)"},
    {"channels", 0, "N", OPT_INT, AT(channels), RUN, 1, 64, NULL, NULL,
     "of raw standard input (1); samples are 16 bit"},
    {"fast", 0, NULL, OPT_PACE, 0, RUN, ARGS_PACE_FAST, 0, NULL, NULL,
     "as fast as possible: the default for formats below"},
    {"paced", 0, NULL, OPT_PACE, 0, RUN, ARGS_PACE_REAL, 0, NULL, NULL,
     "in real time: the default on the full screen"},

    {"plain", 0, NULL, OPT_FORMAT, 0, RUN, ARGS_FMT_PLAIN, 0, NULL, "Output",
     "text lines with times; no full screen"},
    {"txt", 0, NULL, OPT_FORMAT, 0, RUN, ARGS_FMT_TXT, 0, NULL, NULL, "nothing but the text"},
    {"json", 0, NULL, OPT_FORMAT, 0, ALL, ARGS_FMT_JSON, 0, NULL, NULL,
     "JSON, one event a line (other commands: one object)"},
    {"srt", 0, NULL, OPT_FORMAT, 0, RUN, ARGS_FMT_SRT, 0, NULL, NULL, "SubRip subtitles"},
    {"vtt", 0, NULL, OPT_FORMAT, 0, RUN, ARGS_FMT_VTT, 0, NULL, NULL, "WebVTT subtitles"},
    {"output", 'o', "FILE", OPT_STR, AT(out), RUN | BEN | SCO, 0, 0, NULL, NULL,
     "write there; the extension chooses the format"},
    {"dump", 0, "DIR", OPT_STR, AT(dump), RUN, 0, 0, NULL, NULL,
     "write mel, encoder output, logits, tokens of FILE"},
    {"cases", 0, "TSV", OPT_STR, AT(cases), RUN, 0, 0, NULL, NULL,
     "with --dump: the cases of a golden set"},
    {"models", 0, "DIR", OPT_STR, AT(models_dir), RUN, 0, 0, NULL, NULL,
     "with --cases: where its models are"},

    {"stream", 0, NULL, OPT_FLAG, AT(stream), SCO, 0, 0, NULL, "Live text",
     "as live sound, on a simulated clock: latencies too"},
    {"wall", 0, NULL, OPT_FLAG, AT(wall), SCO, 0, 0, NULL, NULL,
     "with --stream: passes last as long as they do here"},

    {"glyphs", 0, "SET", OPT_WORD, AT(glyphs), RUN | DOC, 0, 0, "auto|utf8|ascii", "Screen",
     "auto (default), utf8, ascii"},
    {"color", 0, NULL, OPT_FLAG, AT(color), RUN | DOC, 0, 0, NULL, NULL,
     "colours, even if NO_COLOR is set"},
    {"no-color", 0, NULL, OPT_FLAG, AT(no_color), RUN | DOC, 0, 0, NULL, NULL, "no colours"},
    {"quiet", 'q', NULL, OPT_FLAG, AT(quiet), ALL, 0, 0, NULL, "Other",
     "no notes and no summary; warnings stay"},
    {"verbose", 'v', NULL, OPT_COUNT, AT(verbose), ALL, 0, 0, NULL, NULL,
     "say more; twice: much more"},
    {"log", 0, "FILE", OPT_STR, AT(log), ALL, 0, 0, NULL, NULL, "append a log to FILE"},
    {"help", 'h', NULL, OPT_FLAG, AT(help), ALL, 0, 0, NULL, NULL, "this text"},
    {"version", 'V', NULL, OPT_FLAG, AT(version), ALL, 0, 0, NULL, NULL, "print the version"},
};

const int args_n_row = (int)(sizeof args_row / sizeof *args_row);
_Static_assert(sizeof args_row / sizeof *args_row <= ARGS_MAX_ROWS, "getopt tables hold them all");

static void usage_head(FILE *f, enum args_cmd cmd)
{
    fprintf(f, "Usage: dictate %s\n", args_cmd[cmd].use);
    if (cmd != ARGS_RUN && cmd != ARGS_HELP) {
        fprintf(f, "\n%s.\n", args_cmd[cmd].what);
        return;
    }
    fprintf(f, "       dictate COMMAND [OPTIONS]\n\n"
               "Live dictation in a terminal: hears the microphone, replays a sound FILE, or\n"
               "reads standard input (-), and shows the words as they settle. Without a\n"
               "terminal, or with one of the formats below, it writes text.\n\nCommands\n");
    for (int i = 1; i < ARGS_CMD_COUNT; i++) {
        fprintf(f, "  %-22s %s\n", args_cmd[i].name, args_cmd[i].what);
    }
}

static void usage_tail(FILE *f)
{
    fprintf(f, "\nExit codes: 0 done, 1 other, 2 usage, 3 microphone, 4 NPU, 5 NPU hung, 6 model,\n"
               "7 sound lost, 8 output not written, 9 sound file, 10 memory, 128+n signal n.\n"
               "Environment: DICTATE_MODEL, DICTATE_CPU, DICTATE_PACKS=off, NO_COLOR,\n"
               "ACCESSIBLE=1 (plain text).\n");
}

void args_usage(FILE *f, enum args_cmd cmd)
{
    enum args_cmd rows = cmd == ARGS_HELP ? ARGS_RUN : cmd;
    const char *group = NULL, *shown = NULL;
    usage_head(f, cmd);
    for (int i = 0; i < args_n_row; i++) {
        const struct args_row *r = &args_row[i];
        char left[40], letter[5] = "    ";
        group = r->group ? r->group : group;
        if (!(r->cmds & CMD(rows))) {
            continue;
        }
        if (shown != group) {
            fprintf(f, "\n%s\n", group);
            shown = group;
        }
        if (r->letter) {
            snprintf(letter, sizeof letter, "-%c, ", r->letter);
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, r->name, r->value ? " " : "",
                 r->value ? r->value : "");
        fprintf(f, "  %-22s %s\n", left, r->help);
    }
    if (rows == ARGS_RUN) {
        usage_tail(f);
    }
}
