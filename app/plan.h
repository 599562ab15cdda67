/* dictate plan: what a network would take on an NPU, by the cost model; tables of claims. */
#ifndef APP_PLAN_H
#define APP_PLAN_H

/* argv[0] is "plan".  Returns the exit code; has said on standard error what went wrong. */
int plan_main(int argc, char **argv);

#endif
