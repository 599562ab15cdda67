/* Errors for people: a code, which is also the exit code of the program, and one sentence.
 *
 * A function that can fail returns 0 or -code and fills the caller's struct err once, at the lowest
 * level that knows what the user can do.  A sentence names the thing, the fault and the remedy. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
    ERR_OK = 0,
    ERR_FAIL = 1,      /* anything without a code of its own */
    ERR_USAGE = 2,     /* command line or configuration */
    ERR_MIC = 3,       /* no microphone, or it cannot be opened */
    ERR_NPU = 4,       /* the device asked for cannot be opened */
    ERR_NPU_HANG = 5,  /* a command list did not return */
    ERR_MODEL = 6,     /* model missing, damaged or of an unknown kind */
    ERR_LOST = 7,      /* audio was lost */
    ERR_DISK = 8,      /* output could not be written */
    ERR_SOUND = 9,     /* sound file missing, damaged or of an unknown kind */
    ERR_MEM = 10,      /* no memory for something of a size that was asked for */
};

struct err {
    int code;       /* enum err_code, 0: nothing happened */
    int sys;        /* errno at the time, or 0 */
    char text[320]; /* one sentence, no newline, UTF-8 as the names in it were */
};

/* Fills *e (which may be NULL) and returns -code, for `return err_set(e, ERR_MODEL, "...")`.
 * Keeps errno.  Control bytes in the text (from file names) become '?'. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* One word for the code ("model"), never NULL. */
const char *err_word(int code);

#endif
