/* dictate models list | info FILE | get NAME. */
#ifndef APP_MODELS_H
#define APP_MODELS_H

/* argv[0] is "models".  Returns the exit code; has said on standard error what went wrong. */
int models_main(int argc, char **argv);

#endif
