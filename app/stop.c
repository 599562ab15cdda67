/* See stop.h.  A process has one set of handlers, so this has one set of state. */
#include "app/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "app/base/clk.h"

/* Wrappers such as timeout(1) send a signal to the process and to its group: the same one twice. */
enum { ECHO_US = 200000 };

static atomic_bool flag;
static volatile sig_atomic_t first;
static int64_t first_us; /* written once, before `first` is read again */
static int fd = -1;

static void on_signal(int sig)
{
    int saved = errno;
    uint64_t one = 1;
    if (first) {
        if (clk_us() - first_us > ECHO_US) {
            _exit(128 + sig);
        }
        return;
    }
    first_us = clk_us();
    first = sig;
    atomic_store(&flag, true);
    ssize_t n = write(fd, &one, sizeof one);
    (void)n;
    errno = saved;
}

int stop_install(struct err *e)
{
    static const int sig[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
    if (fd < 0) {
        fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    if (fd < 0) {
        return err_set(e, ERR_FAIL, "no descriptor for signals: %s", strerror(errno));
    }
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < sizeof sig / sizeof *sig; i++) {
        /* What nohup and shells in the background set to "ignore" stays so. */
        if (!sigaction(sig[i], NULL, &old) && old.sa_handler != SIG_IGN) {
            sigaction(sig[i], &sa, NULL);
        }
    }
    return 0;
}

int stop_signal(void)
{
    return first;
}

const atomic_bool *stop_flag(void)
{
    return &flag;
}

int stop_fd(void)
{
    return fd;
}
