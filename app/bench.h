/* dictate bench: how fast this machine is, stage by stage.  Main thread. */
#ifndef APP_BENCH_H
#define APP_BENCH_H

/* argv[0] is "bench".  Exit code of the program. */
int bench_main(int argc, char **argv);

#endif
