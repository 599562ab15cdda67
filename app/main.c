/* dictate: live dictation in a terminal.  argv -> command -> exit code; no logic. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/args.h"
#include "app/base/log.h"
#include "app/bench.h"
#include "app/doctor.h"
#include "app/models.h"
#include "app/plan.h"
#include "app/run.h"
#include "app/score.h"

/* help COMMAND: its help; help alone: the main one. */
static int help(const struct args *a, char **argv)
{
    struct args of;
    struct err e;
    char *want[] = {argv[0], a->n_pos ? a->pos[0] : NULL, NULL};
    if (a->n_pos && strcmp(a->pos[0], "plan") == 0) {
        char plan[] = "plan", opt[] = "--help";
        char *plan_help[] = {plan, opt, NULL};
        return plan_main(2, plan_help);
    }
    if (!a->n_pos || args_parse(&of, 2, want, &e) || of.cmd == ARGS_RUN) {
        of.cmd = ARGS_RUN;
    }
    args_usage(stdout, of.cmd);
    return 0;
}

/* What was printed must have arrived somewhere. */
static int leave(int code)
{
    struct err e;
    if (fflush(stdout) || ferror(stdout)) {
        err_set(&e, ERR_DISK, "standard output: %s", strerror(errno));
        return code ? code : args_complain(&e);
    }
    return code;
}

/* Who starts us with 0, 1 or 2 closed must not find some other file of ours there.  Opened the
 * wrong way round, so that reading and writing them still fails. */
static void hold_std(void)
{
    static const int mode[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) < 0) {
            _exit(ERR_FAIL);
        }
    }
}

int main(int argc, char **argv)
{
    struct args a;
    struct err e = {0};
    int code;
    hold_std();
    if (argc > 1 && strcmp(argv[1], "plan") == 0) {
        return leave(plan_main(argc - 1, argv + 1));
    }
    if (args_parse(&a, argc, argv, &e)) {
        return args_complain(&e);
    }
    if (a.version || a.cmd == ARGS_VERSION) {
        printf("dictate %s\n", DICTATE_VERSION);
        return leave(0);
    }
    if (a.help) {
        args_usage(stdout, a.cmd);
        return leave(0);
    }
    if (log_open(a.log, a.verbose, &e)) {
        return args_complain(&e);
    }
    switch (a.cmd) {
    case ARGS_DOCTOR:
        code = doctor_main(argc - 1, argv + 1);
        break;
    case ARGS_MODELS:
        code = models_main(argc - 1, argv + 1);
        break;
    case ARGS_SCORE:
        code = score_main(argc - 1, argv + 1);
        break;
    case ARGS_BENCH:
        code = bench_main(argc - 1, argv + 1);
        break;
    case ARGS_HELP:
        code = help(&a, argv);
        break;
    default:
        code = run_main(&a);
        break;
    }
    log_close();
    return leave(code);
}
