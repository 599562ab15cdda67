/* Inside of audio: the script of a fault, parsed.  Pure functions, any thread. */
#ifndef AUDIO_FAULT_SCRIPT_H
#define AUDIO_FAULT_SCRIPT_H

#include "app/base/err.h"

enum { FAULT_LINES = 64 };

enum fault_kind { FAULT_XRUN, FAULT_SUSPEND, FAULT_UNPLUG, FAULT_ZERO, FAULT_CLIP };

struct fault_line {
    enum fault_kind kind;
    double at_s, every_s; /* first time; > 0: again each so many seconds */
    double len_s;
};

struct fault_script {
    struct fault_line line[FAULT_LINES];
    int n;
    int repeat;         /* times, at least 1 */
    int rate, channels; /* 0: the sound's, 1 */
    int dead;           /* index of the dead channel, -1: none */
    double speed;       /* 0: simulated */
    double engine;      /* 0: not given */
};

/* 0 or -ERR_USAGE; any text is bearable. */
int fault_parse(struct fault_script *s, const char *text, struct err *e);

#endif
