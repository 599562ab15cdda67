/* dictate score LIST.tsv: word and character error rates of a list of sound files. */
#ifndef APP_SCORE_H
#define APP_SCORE_H

/* argv[0] is "score".  Returns the exit code; has said on standard error what went wrong. */
int score_main(int argc, char **argv);

#endif
